package org.minigpt.examples.custom;

import java.util.List;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Linear;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * The feed-forward of Primer (So et al. 2021, arXiv:2109.08668): x [B,T,C] to max(0, x·W₁ + b₁)²·W₂ + b₂, [B,T,C].
 *
 * @param cFc C to 4C
 * @param cProj 4C to C
 */
public record SquaredReluFeedForward(Linear cFc, Linear cProj) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(GraphLayer.nested("c_fc", cFc), GraphLayer.nested("c_proj", cProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable h = cFc.define(scope.in("c_fc"), x); // (B,T,4C)
        SDVariable a = squaredRelu(scope, h); // (B,T,4C)
        return cProj.define(scope.in("c_proj"), a); // (B,T,C)
    }

    private static SDVariable squaredRelu(Scope scope, SDVariable h) {
        SameDiff sd = h.getSameDiff();
        if (scope.ops() instanceof FusedOps) {
            return new SquaredReluOp(sd, h).outputVariables(scope.name("act"))[0];
        }
        return sd.math().square(scope.name("act"), sd.nn().relu(h, 0));
    }
}
