package org.minigpt.reference;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One forward and backward pass on the first batch; the gradients are in the parameters. */
record OnePass(Map<String, Tensor> parameters, Map<String, Tensor> intermediates, Tensor loss) {

    static OnePass run(ReferenceCase c, Inputs inputs, ScalarType dataType) {
        Map<String, Tensor> parameters = Torch.parameters(c, inputs.parameters(), dataType);
        Map<String, Tensor> intermediates = new LinkedHashMap<>();
        Tensor loss = new ReferenceGpt(c, parameters, intermediates::put)
                .loss(Torch.ids(inputs.x(0)), Torch.ids(inputs.y(0)));
        loss.backward();
        return new OnePass(parameters, intermediates, loss);
    }
}
