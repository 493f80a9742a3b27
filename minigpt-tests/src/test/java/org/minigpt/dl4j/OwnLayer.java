package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/** A layer of SameDiff's own calls, which can't be planned: y = dropout(square(x·W)) + b. */
public final class OwnLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private double dropoutRate;

    /** For DL4J. */
    OwnLayer() {}

    private OwnLayer(Builder builder) {
        super(builder);
        dropoutRate = builder.dropoutRate;
    }

    @Override
    boolean keepsSize() {
        return true;
    }

    @Override
    protected GraphLayer fragment() {
        return new Fragment(getNIn(), dropoutRate);
    }

    private record Fragment(long size, double dropoutRate) implements GraphLayer {
        @Override
        public List<Parameter> parameters() {
            return List.of(
                    Parameter.of("weight", Initializer.pytorchLinear(size), size, size),
                    Parameter.of("bias", Initializer.zeros(), size));
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            SameDiff sd = x.getSameDiff();
            SDVariable h = scope.ops().linear(scope.name("h"), x, scope.parameter("weight"), null, false);
            SDVariable kept =
                    scope.ops().dropout(scope.name("drop"), sd.math().square(h), scope.dropout("drop", dropoutRate));
            return kept.add(scope.name(), scope.parameter("bias"));
        }
    }

    /** Of {@link OwnLayer}. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private double dropoutRate;

        Builder dropoutRate(double share) {
            dropoutRate = share;
            return this;
        }

        @Override
        public OwnLayer build() {
            return new OwnLayer(this);
        }
    }
}
