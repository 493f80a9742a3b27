package org.minigpt.reference;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Reasons to believe the files: each case is computed a second way and compared. Deviations are relative to the
 * largest entry of the tensor concerned, but for the central differences see {@link #centralDifferences}.
 */
@SuppressWarnings("try") // scopes and guards work by being open
final class SelfCheck {
    private boolean passed = true;

    /** @return whether everything agrees; each comparison is printed */
    static boolean run(List<ReferenceCase> cases) {
        SelfCheck check = new SelfCheck();
        for (ReferenceCase c : cases) {
            try (PointerScope scope = new PointerScope()) {
                Inputs inputs = Inputs.of(c);
                check.libraryForm(c, inputs);
                check.kinks(c, inputs);
                check.centralDifferences(c, inputs);
                check.plainAdamW(c, inputs);
                check.conditioning(c, inputs.roundedToFloat());
            }
        }
        return check.passed;
    }

    /** The elementary operations against libtorch's fused attention, LayerNorm and GELU, and a log-softmax loss. */
    private void libraryForm(ReferenceCase c, Inputs inputs) {
        OnePass pass = OnePass.run(c, inputs, ScalarType.Double);
        Map<String, Tensor> parameters = Torch.parameters(c, inputs.parameters(), ScalarType.Double);
        LibraryGpt library = new LibraryGpt(c, parameters);
        Tensor logits = library.logits(Torch.ids(inputs.x(0)));
        Tensor loss = library.loss(logits, inputs.y(0));
        loss.backward();
        double worst = Math.max(deviation(pass.intermediates().get("logits"), logits), deviation(pass.loss(), loss));
        worst = Math.max(worst, worst(gradients(pass.parameters()), gradients(parameters)));
        report(c, "logits, loss and gradients against libtorch's fused functions", worst, 1e-12);
    }

    /**
     * Every entry of every gradient against (loss(p+h) - loss(p-h)) / 2h; relative to the largest entry of the
     * parameter's gradient.
     */
    private void centralDifferences(ReferenceCase c, Inputs inputs) {
        double h = 1e-5;
        OnePass pass = OnePass.run(c, inputs, ScalarType.Double);
        Map<String, double[]> values = new LinkedHashMap<>();
        inputs.parameters().forEach((name, v) -> values.put(name, v.clone()));
        Map<String, double[]> differences = new LinkedHashMap<>();
        for (String name : values.keySet()) {
            double[] numeric = new double[values.get(name).length];
            for (int i = 0; i < numeric.length; i++) {
                numeric[i] = (lossMoved(c, inputs, values, name, i, h) - lossMoved(c, inputs, values, name, i, -h))
                        / (2 * h);
            }
            differences.put(name, numeric);
        }
        double worst = worst(gradients(pass.parameters()), differences);
        report(c, "every gradient entry against central differences", worst, 1e-7);
    }

    private static double lossMoved(
            ReferenceCase c, Inputs inputs, Map<String, double[]> values, String name, int index, double by) {
        double[] v = values.get(name);
        double before = v[index];
        v[index] = before + by;
        try (PointerScope scope = new PointerScope();
                NoGradGuard guard = new NoGradGuard()) {
            return new ReferenceGpt(c, Torch.parameters(c, values, ScalarType.Double), (n, t) -> {})
                    .loss(Torch.ids(inputs.x(0)), Torch.ids(inputs.y(0)))
                    .item_double();
        } finally {
            v[index] = before;
        }
    }

    /** Ten steps of clipping and AdamW written in plain Java after the paper against libtorch's. */
    private void plainAdamW(ReferenceCase c, Inputs inputs) {
        Map<String, Tensor> trained = Torch.parameters(c, inputs.parameters(), ScalarType.Double);
        List<Training.Step> steps = GenerateReference.train(c, inputs, trained);
        PlainAdamW plain = new PlainAdamW(c, inputs.parameters());
        double worst = 0;
        int clipped = 0;
        for (int i = 0; i < ReferenceCase.STEPS; i++) {
            Map<String, Tensor> leaves = Torch.parameters(c, plain.parameters(), ScalarType.Double);
            Tensor loss =
                    new ReferenceGpt(c, leaves, (n, t) -> {}).loss(Torch.ids(inputs.x(i)), Torch.ids(inputs.y(i)));
            loss.backward();
            double norm = plain.step(gradients(leaves));
            clipped += norm > c.optimizer().gradClip() ? 1 : 0;
            worst = Math.max(worst, Math.abs(norm / steps.get(i).gradNorm() - 1));
            worst = Math.max(worst, Math.abs(loss.item_double() / steps.get(i).loss() - 1));
        }
        worst = Math.max(worst, worst(values(trained), plain.parameters()));
        // Looser than the rest: the gradient of a key's bias is zero in theory and rounding noise in fact, which AdamW
        // divides by its own size.
        report(c, "ten steps (%d clipped) against AdamW in plain Java".formatted(clipped), worst, 1e-9);
    }

    /** No hidden unit may sit so near ReLU's kink that rounding, or a central difference, could carry it over. */
    private void kinks(ReferenceCase c, Inputs inputs) {
        if (c.activation() != ReferenceCase.Activation.RELU) {
            return;
        }
        double nearest = Double.POSITIVE_INFINITY;
        Map<String, Tensor> intermediates =
                OnePass.run(c, inputs, ScalarType.Double).intermediates();
        for (int i = 0; i < c.nLayer(); i++) {
            for (double v : Torch.values(intermediates.get("h." + i + ".mlp.c_fc"))) {
                nearest = Math.min(nearest, Math.abs(v));
            }
        }
        report(c, "inverse of the distance from ReLU's kink", 1 / nearest, 1e4);
    }

    /**
     * Float against double on the same parameters. What is left of the tests' 1e-5 is for the implementation under
     * test, so the cases must not amplify rounding.
     */
    private void conditioning(ReferenceCase c, Inputs inputs) {
        OnePass single = OnePass.run(c, inputs, ScalarType.Float);
        OnePass exact = OnePass.run(c, inputs, ScalarType.Double);
        double worst = deviation(exact.loss(), single.loss());
        worst = Math.max(worst, worst(values(exact.intermediates()), values(single.intermediates())));
        worst = Math.max(worst, worst(gradients(exact.parameters()), gradients(single.parameters())));
        report(c, "values and gradients in float against double", worst, 3e-6);
        Map<String, Tensor> trained = Torch.parameters(c, inputs.parameters(), ScalarType.Float);
        List<Training.Step> floats = GenerateReference.train(c, inputs, trained);
        List<Training.Step> doubles =
                GenerateReference.train(c, inputs, Torch.parameters(c, inputs.parameters(), ScalarType.Double));
        worst = 0;
        for (int i = 0; i < ReferenceCase.STEPS; i++) {
            worst = Math.max(
                    worst, Math.abs(floats.get(i).loss() / doubles.get(i).loss() - 1));
        }
        report(c, "losses of ten steps in float against double", worst, 1e-5);
    }

    private void report(ReferenceCase c, String what, double deviation, double allowed) {
        boolean good = deviation <= allowed; // false for NaN, too
        passed &= good;
        System.out.printf(
                "%-8s %-68s %.1e of %.0e allowed: %s%n", c.name(), what, deviation, allowed, good ? "good" : "WRONG");
    }

    private static Map<String, double[]> values(Map<String, Tensor> tensors) {
        Map<String, double[]> values = new LinkedHashMap<>();
        tensors.forEach((name, t) -> values.put(name, Torch.values(t)));
        return values;
    }

    private static Map<String, double[]> gradients(Map<String, Tensor> parameters) {
        Map<String, double[]> gradients = new LinkedHashMap<>();
        parameters.forEach((name, p) -> gradients.put(name, Torch.values(p.grad())));
        return gradients;
    }

    private static double worst(Map<String, double[]> expected, Map<String, double[]> actual) {
        double worst = 0;
        for (Map.Entry<String, double[]> e : expected.entrySet()) {
            worst = Math.max(worst, deviation(e.getValue(), actual.get(e.getKey())));
        }
        return worst;
    }

    private static double deviation(Tensor expected, Tensor actual) {
        return deviation(Torch.values(expected), Torch.values(actual));
    }

    private static double deviation(double[] expected, double[] actual) {
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            worst = Math.max(worst, Math.abs(expected[i] - actual[i]));
        }
        return worst / largest;
    }

    private SelfCheck() {}
}
