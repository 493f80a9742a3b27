package org.minigpt.reference;

import static org.bytedeco.pytorch.global.torch.set_num_threads;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Writes one safetensors file a case and data type into the folder that is its argument; with {@code --check} instead
 * of a folder it writes nothing and checks itself.
 */
public final class GenerateReference {
    /** Goes up when the files' content or layout changes. */
    private static final String GENERATOR_VERSION = "1";

    /**
     * @param args a folder, or {@code --check}
     * @throws IOException if a file cannot be written
     */
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            System.err.println("usage: GenerateReference FOLDER | --check");
            System.exit(2);
        }
        // One thread: the order of every sum is fixed, so a second run gives the same bits.
        set_num_threads(1);
        if (args[0].equals("--check")) {
            System.exit(SelfCheck.run(ReferenceCase.all()) ? 0 : 1);
        }
        Path folder = Files.createDirectories(Path.of(args[0])).toRealPath();
        for (ReferenceCase c : ReferenceCase.all()) {
            for (ScalarType dataType : List.of(ScalarType.Double, ScalarType.Float)) {
                boolean asFloat = dataType == ScalarType.Float;
                Path file = folder.resolve(c.name() + (asFloat ? ".f32" : ".f64") + ".safetensors");
                write(file, c, dataType, asFloat);
                System.out.printf("%s: %d bytes%n", file.getFileName(), Files.size(file));
            }
        }
    }

    private static void write(Path file, ReferenceCase c, ScalarType dataType, boolean asFloat) throws IOException {
        Inputs inputs = asFloat ? Inputs.of(c).roundedToFloat() : Inputs.of(c);
        SafetensorsWriter out = new SafetensorsWriter(asFloat);
        long[] idShape = {ReferenceCase.BATCH, ReferenceCase.TIME};
        long[] stepsShape = {ReferenceCase.STEPS, ReferenceCase.BATCH, ReferenceCase.TIME};
        out.put("x", inputs.x(0), idShape);
        out.put("y", inputs.y(0), idShape);
        out.put("steps.x", inputs.x(), stepsShape);
        out.put("steps.y", inputs.y(), stepsShape);
        c.parameterShapes()
                .forEach((name, shape) ->
                        out.put("param." + name, inputs.parameters().get(name), shape));

        OnePass pass = OnePass.run(c, inputs, dataType);
        pass.intermediates().forEach((name, tensor) -> put(out, "out." + name, tensor));
        put(out, "loss", pass.loss());
        pass.parameters().forEach((name, tensor) -> put(out, "grad." + name, tensor.grad()));

        Map<String, Tensor> trained = Torch.parameters(c, inputs.parameters(), dataType);
        List<Training.Step> steps = train(c, inputs, trained);
        out.put("grad_norm", new double[] {steps.get(0).gradNorm()}); // a scalar, as the loss
        trained.forEach((name, tensor) -> put(out, "after." + name, tensor));
        out.put("steps.loss", steps.stream().mapToDouble(Training.Step::loss).toArray(), ReferenceCase.STEPS);
        out.put(
                "steps.grad_norm",
                steps.stream().mapToDouble(Training.Step::gradNorm).toArray(),
                ReferenceCase.STEPS);

        Map<String, String> metadata = new LinkedHashMap<>(c.metadata());
        metadata.put("generator", GENERATOR_VERSION);
        metadata.put("libtorch", System.getProperty("libtorch.version", "unknown"));
        out.write(file, metadata);
    }

    static List<Training.Step> train(ReferenceCase c, Inputs inputs, Map<String, Tensor> parameters) {
        Training training = new Training(c, parameters);
        List<Training.Step> steps = new ArrayList<>();
        for (int i = 0; i < ReferenceCase.STEPS; i++) {
            steps.add(training.step(inputs.x(i), inputs.y(i)));
        }
        return steps;
    }

    private static void put(SafetensorsWriter out, String name, Tensor tensor) {
        out.put(name, Torch.values(tensor), tensor.shape());
    }

    private GenerateReference() {}
}
