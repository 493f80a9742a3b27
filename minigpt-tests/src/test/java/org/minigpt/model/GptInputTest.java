package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a model says of ids and targets that it can't take, whatever ops it is made of. */
class GptInputTest {
    private static final GptConfig TINY = GptConfig.builder()
            .vocabSize(7)
            .blockSize(6)
            .nLayer(1)
            .nHead(2)
            .nEmbd(8)
            .build();

    private static void assertRefused(String sentence, int[][] x, int[][] y) {
        Gpt fused = Gpt.create(TINY, 3);
        Gpt portable = Gpt.builder(TINY).opSet(new PortableOps()).build();
        for (Gpt gpt : List.of(fused, portable)) {
            if (y == null) {
                assertSentence(sentence, () -> gpt.logits(x));
                assertSentence(sentence, () -> gpt.logits(Nd4j.createFromArray(x)));
            } else {
                assertSentence(sentence, () -> gpt.loss(x, y));
                assertSentence(sentence, () -> gpt.lossAndGradients(Nd4j.createFromArray(x), Nd4j.createFromArray(y)));
            }
        }
    }

    @Test
    void idsOutOfRangeAreNamed() {
        String remedy = ", but the vocabulary's 7 tokens are 0 to 6; encode the text with the model's own tokenizer";
        assertRefused("ids[1,2] is 7" + remedy, new int[][] {{0, 1, 2}, {3, 4, 7}}, null);
        assertRefused("ids[0,0] is -1" + remedy, new int[][] {{-1}}, null);
        assertRefused("targets[1,0] is 99" + remedy, new int[][] {{0}, {1}}, new int[][] {{0}, {99}});
        assertRefused("targets[0,0] is -2" + remedy, new int[][] {{0}, {1}}, new int[][] {{-2}, {6}});
        Gpt gpt = Gpt.create(TINY, 3);
        // 2³², which is 0 if all but the low 32 bits are dropped
        assertSentence(
                "ids[0,0] is 4294967296" + remedy,
                () -> gpt.logits(Nd4j.createFromArray(new long[][] {{4294967296L}})));
    }

    @Test
    void sequencesBeyondBlockSizeAreRefused() {
        assertRefused(
                "a sequence has 7 tokens, but block_size is 6; crop it to its last 6", new int[][] {new int[7]}, null);
    }

    @Test
    void shapesMustFit() {
        assertRefused(
                "the targets are INT [1, 2], but the ids [2, 2]; pass one integer target for each id",
                new int[][] {{1, 2}, {3, 4}},
                new int[][] {{1, 2}});
        Gpt gpt = Gpt.create(TINY, 3);
        assertSentence(
                "the ids are INT [3], but a GPT takes integers [B,T]; cast them, or reshape a single sequence to [1,T]",
                () -> gpt.logits(Nd4j.createFromArray(1, 2, 3)));
        assertSentence(
                "the ids are FLOAT [1, 3], but a GPT takes integers [B,T]; cast them, or reshape a single sequence to"
                        + " [1,T]",
                () -> gpt.logits(Nd4j.ones(DataType.FLOAT, 1, 3)));
        assertSentence(
                "the targets are FLOAT [1, 3], but the ids [1, 3]; pass one integer target for each id",
                () -> gpt.loss(Nd4j.ones(DataType.INT32, 1, 3), Nd4j.ones(DataType.FLOAT, 1, 3)));
    }

    /** A block that declares a parameter and forgets it. */
    private record Forgetful() implements GraphLayer {
        @Override
        public List<Parameter> parameters() {
            return List.of(
                    Parameter.of("weight", Initializer.ones(), 8), Parameter.of("forgotten", Initializer.ones(), 8));
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            return scope.ops().rmsNorm(scope.name(), x, scope.parameter("weight"), 1e-5);
        }
    }

    @Test
    void aParameterWithoutGradientIsNamed() {
        for (OpSet ops : List.of(new FusedOps(), new PortableOps())) {
            Gpt gpt = Gpt.builder(TINY).opSet(ops).block(i -> new Forgetful()).build();
            INDArray ids = Nd4j.createFromArray(new int[][] {{1, 2, 3}});
            assertEquals(gpt.loss(ids, ids), gpt.loss(ids, ids));
            assertSentence(
                    "h.0.forgotten has no gradient, since the loss does not depend on it; let its layer use"
                            + " it, or not declare it",
                    () -> gpt.lossAndGradients(ids, ids));
        }
    }

    @Test
    void rowsMustBeOfOneLength() {
        Gpt gpt = Gpt.create(TINY, 3);
        assertSentence(
                "the rows of ids have 2 and 1 tokens; pass as many in each",
                () -> gpt.logits(new int[][] {{1, 2}, {3}}));
        assertSentence(
                "ids has a row without tokens; pass at least one token a row", () -> gpt.logits(new int[][] {{}}));
        assertSentence("ids has no rows; pass at least one sequence of tokens", () -> gpt.logits(new int[0][]));
        assertSentence(
                "the rows of y have 1 and 3 tokens; pass as many in each",
                () -> gpt.loss(new int[][] {{1}, {2}}, new int[][] {{1}, {2, 3, 4}}));
    }
}
