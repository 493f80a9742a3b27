package org.minigpt.reference;

import static org.bytedeco.pytorch.global.torch.clip_grad_norm_;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** Steps of libtorch's own gradient clipping and AdamW. */
final class Training {
    /** The loss before the step and the global norm of its gradient before clipping. */
    record Step(double loss, double gradNorm) {}

    private final ReferenceCase config;
    private final TensorVector parameters;
    private final ReferenceGpt gpt;
    /** One optimizer a decay group: AdamW treats every entry alone, so this is one optimizer with two groups. */
    private final List<AdamW> optimizers = new ArrayList<>();

    Training(ReferenceCase config, Map<String, Tensor> parameters) {
        this.config = config;
        this.parameters = Torch.vector(parameters.values());
        gpt = new ReferenceGpt(config, parameters, (name, tensor) -> {});
        for (boolean decays : new boolean[] {true, false}) {
            List<Tensor> group = parameters.values().stream()
                    .filter(p -> config.decays(p.shape()) == decays)
                    .toList();
            if (!group.isEmpty()) {
                optimizers.add(new AdamW(Torch.vector(group), options(decays)));
            }
        }
    }

    Step step(int[] x, int[] y) {
        optimizers.forEach(AdamW::zero_grad);
        Tensor loss = gpt.loss(Torch.ids(x), Torch.ids(y));
        loss.backward();
        double norm = clip_grad_norm_(parameters, config.optimizer().gradClip());
        optimizers.forEach(AdamW::step);
        return new Step(loss.item_double(), norm);
    }

    private AdamWOptions options(boolean decays) {
        ReferenceCase.Optimizer o = config.optimizer();
        AdamWOptions options = new AdamWOptions(o.learningRate());
        // The betas are a C++ tuple behind a bare pointer, and libraries differ in which end of a tuple comes first.
        DoublePointer betas = options.betas();
        int first = betas.get(0) == 0.9 ? 0 : 1;
        if (betas.get(first) != 0.9 || betas.get(1 - first) != 0.999) {
            throw new IllegalStateException("AdamW's default betas 0.9 and 0.999 are not where they should be");
        }
        betas.put(first, o.beta1());
        betas.put(1 - first, o.beta2());
        options.eps().put(o.eps());
        options.weight_decay().put(decays ? o.weightDecay() : 0.0);
        return options;
    }
}
