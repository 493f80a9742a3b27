package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.internal.runtime.PlanPool;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class GptCloseTest {
    private static final int[][] X = {{1, 2, 0, 4}, {3, 3, 1, 0}};

    private static Gpt gpt() {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(5)
                        .blockSize(4)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(8)
                        .build(),
                3);
    }

    @Test
    void givesTheMemoryBackAndRefusesWhatComesAfter() {
        Gpt gpt = gpt();
        INDArray x = Nd4j.createFromArray(X);
        gpt.lossAndGradients(x, x);
        gpt.logits(X);
        Decoder decoder = gpt.decoder(1, 4, Window.EXACT);
        decoder.append(0, 1);
        INDArray parameters = gpt.flatParameters();
        INDArray view = gpt.parameters().get("wte.weight");
        INDArray gradients = gpt.flatGradients();

        gpt.close();
        gpt.close();

        assertTrue(parameters.wasClosed() && view.wasClosed() && gradients.wasClosed());
        assertEquals(0, PlanPool.idleBytes());
        Map<String, INDArray> ids = Map.of(Gpt.IDS, x);
        for (Executable use : List.<Executable>of(
                () -> gpt.logits(X),
                () -> gpt.loss(X, X),
                () -> gpt.lossAndGradients(x, x),
                () -> gpt.decoder(1, 4, Window.EXACT),
                () -> decoder.append(0, 1),
                gpt::parameters,
                gpt::flatGradients,
                () -> gpt.sameDiff().output(ids, Gpt.LOGITS))) {
            String message = assertThrows(MiniGptException.class, use).getMessage();
            assertTrue(message.contains("close"), message);
        }
        decoder.close();
    }

    @Test
    void otherModelsGoOn() {
        Gpt other = gpt();
        INDArray before = other.logits(X);
        Gpt gpt = gpt();
        gpt.logits(X);

        gpt.close();

        assertEquals(before, other.logits(X));
    }

    @Test
    void waitsForTheCallsThatRun() throws Exception {
        for (int i = 0; i < 20; i++) {
            Gpt gpt = gpt();
            INDArray expected = gpt.logits(X);
            CountDownLatch running = new CountDownLatch(1);
            int[] calls = new int[1];
            Thread thread = new Thread(() -> {
                try {
                    while (true) {
                        assertEquals(expected, gpt.logits(X));
                        calls[0]++;
                        running.countDown();
                    }
                } catch (MiniGptException e) {
                    calls[0] += 1000;
                }
            });
            thread.start();
            running.await();
            gpt.close();
            thread.join(10_000);
            assertTrue(calls[0] > 1000, "it ended by the sentence");
        }
    }

    @Test
    void anAdapterIsClosedWithoutItsModel() {
        Gpt gpt = gpt();
        INDArray before = gpt.logits(X);
        Lora lora = Lora.attach(gpt, new Lora.Config(1, 2, List.of("c_attn")), 7);
        INDArray a = lora.flatParameters();

        lora.close();

        assertTrue(a.wasClosed());
        assertEquals(before, gpt.logits(X));
        assertThrows(MiniGptException.class, lora::flatParameters);
    }
}
