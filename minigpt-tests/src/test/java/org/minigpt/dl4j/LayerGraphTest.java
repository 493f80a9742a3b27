package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Linear;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.Scope;
import org.minigpt.internal.batch.Share;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A graph that can't be planned runs in SameDiff's session: to the same outputs, gradients and dropout masks. */
class LayerGraphTest {
    private static final int C = 4;
    private static final GraphLayer MLP = new FeedForward(linear(C, 6), linear(6, C), Activation.GELU, 0.5);

    private static Linear linear(long in, long out) {
        return new Linear(in, out, Initializer.zeros(), Initializer.zeros());
    }

    private static INDArray values(int seed, long... shape) {
        INDArray array = Nd4j.create(DataType.DOUBLE, shape);
        for (int i = 0; i < array.length(); i++) {
            array.putScalar(i, Math.sin(seed + i));
        }
        return array;
    }

    private static Map<String, INDArray> parameters(GraphLayer layer) {
        Map<String, INDArray> result = new LinkedHashMap<>();
        for (Parameter p : layer.parameters()) {
            result.put(GptLayer.key(p.name()), values(result.size(), p.shapeArray()));
        }
        return result;
    }

    private static LayerGraph graph(GraphLayer layer, Map<String, INDArray> parameters) {
        return new LayerGraph(
                DataType.DOUBLE,
                parameters,
                true,
                (sd, scope) -> layer.define(scope, sd.placeHolder(LayerGraph.INPUT, DataType.DOUBLE, -1, -1, C)));
    }

    /** A layer that declares a parameter and forgets it. */
    private record Forgetful() implements GraphLayer {
        @Override
        public List<Parameter> parameters() {
            return List.of(
                    Parameter.of("weight", Initializer.ones(), C), Parameter.of("forgotten", Initializer.ones(), C));
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            return scope.ops().rmsNorm(scope.name(), x, scope.parameter("weight"), 1e-5);
        }
    }

    @Test
    void aParameterWithoutGradientIsNamed() {
        Map<String, INDArray> parameters = parameters(new Forgetful());
        LayerGraph graph = graph(new Forgetful(), parameters);
        INDArray x = values(7, 3, 2, C);
        String sentence = "forgotten has no gradient, since the loss does not depend on it; let its layer use"
                + " it, or not declare it";
        assertSentence(sentence, () -> graph.training(Map.of(LayerGraph.INPUT, x), x.shape()));
        assertSentence(
                sentence,
                () -> graph.gradientsBySession(
                        Map.of(LayerGraph.INPUT, x, LayerGraph.OUTPUT_GRADIENT, x), 0, parameters, null));
    }

    @Test
    void theSessionComputesWhatPlansDo() {
        Map<String, INDArray> parameters = parameters(MLP);
        LayerGraph graph = graph(MLP, parameters);
        INDArray x = values(7, 3, 2, C);
        INDArray dy = values(8, 3, 2, C);
        Map<String, INDArray> all = Map.of(LayerGraph.INPUT, x, LayerGraph.OUTPUT_GRADIENT, dy);
        for (long key : new long[] {0, 5, 6}) {
            INDArray y = x.like();
            INDArray dx = x.like();
            INDArray flat = Nd4j.create(
                    DataType.DOUBLE,
                    parameters.values().stream().mapToLong(INDArray::length).sum());
            List<Share> shares = graph.training(Map.of(LayerGraph.INPUT, x), x.shape());
            for (Share share : shares) {
                share.set(all, key);
                share.plan().run();
                share.get(graph.output(), y);
                share.get(graph.gradientOf(LayerGraph.INPUT), dx);
            }
            graph.addUp(shares.size(), flat);

            INDArray ySession = x.like();
            INDArray dxSession = x.like();
            Map<String, INDArray> gradients = new LinkedHashMap<>();
            parameters.forEach((name, p) -> gradients.put(name, p.like()));
            graph.outputBySession(Map.of(LayerGraph.INPUT, x), key, ySession);
            graph.gradientsBySession(all, key, gradients, dxSession);

            assertEquals(y, ySession);
            assertEquals(dx, dxSession);
            long at = 0;
            for (Map.Entry<String, INDArray> gradient : gradients.entrySet()) {
                INDArray actual =
                        gradient.getValue().reshape(gradient.getValue().length());
                INDArray expected = Nd4j.createFromArray(
                        Arrays.copyOfRange(flat.toDoubleVector(), (int) at, (int) (at + actual.length())));
                assertNear(gradient.getKey(), expected, actual, 1e-12);
                at += actual.length();
            }
            if (key != 0) {
                INDArray without = x.like();
                graph.outputBySession(Map.of(LayerGraph.INPUT, x), 0, without);
                assertNotEquals(without, ySession);
            }
        }
    }
}
