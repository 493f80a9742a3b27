package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.io.GptNetworks;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Run by {@link MemoryBoundTest} in a JVM of its own, whose heap is present from the start: prints the resident memory,
 * heap and all, in bytes, when the least has run that a program would run, and the most that there was from then on.
 */
final class MemoryJvm {
    private static final Random RANDOM = new Random(5);
    private static final int B = 16;
    private static final int T = 128;

    private static long base;
    private static long most;

    private MemoryJvm() {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "threads" -> threads();
            case "vocabulary" -> vocabulary();
            case "layers" -> layers();
            case "models" -> models();
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.println("> " + base + " " + most);
    }

    private static long resident() {
        return Pointer.physicalBytes();
    }

    private static void baseIsNow() {
        base = resident();
        most = base;
    }

    private static void look() {
        most = Math.max(most, resident());
    }

    private static int[][] ids(int b, int t, int v) {
        int[][] ids = new int[b][t];
        for (int[] row : ids) {
            for (int i = 0; i < t; i++) {
                row[i] = RANDOM.nextInt(v);
            }
        }
        return ids;
    }

    private static Gpt gpt(int v, int t, int c, int layers) {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(v)
                        .blockSize(t)
                        .nLayer(layers)
                        .nHead(2)
                        .nEmbd(c)
                        .build(),
                1);
    }

    /** Of 240 short-lived threads each calls logits, on one of 64 shapes. */
    private static void threads() throws Exception {
        Gpt gpt = gpt(65, T, 128, 4);
        for (int i = 0; i < 3; i++) {
            gpt.logits(ids(B, T, 65)).close();
        }
        baseIsNow();
        List<int[]> shapes = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            shapes.add(new int[] {1 + RANDOM.nextInt(B), 1 + RANDOM.nextInt(T)});
        }
        for (int group = 0; group < 20; group++) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                int[] shape = shapes.get((12 * group + i) % 64);
                int[][] ids = ids(shape[0], shape[1], 65);
                Thread thread = new Thread(() -> gpt.logits(ids).close());
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
            look();
        }
        require(gpt.sameDiff().getSessions().size() <= 24, "sessions of threads that have ended");
        require(PlanPool.idleBytes() <= PlanPool.bound(), "idle arenas");
    }

    /** GPT-2's vocabulary, 36 lengths. */
    private static void vocabulary() {
        int v = 50257;
        Gpt gpt = gpt(v, 512, 16, 1);
        gpt.logits(ids(1, 1, v)).close();
        baseIsNow();
        for (int i = 1; i <= 36; i++) {
            gpt.logits(ids(1, 14 * i, v)).close();
            look();
        }
        require(PlanPool.idleBytes() <= PlanPool.bound(), "idle arenas");
    }

    /** The same 64 shapes through DL4J's layers. */
    private static void layers() {
        try (Gpt gpt = gpt(65, T, 64, 4)) {
            MultiLayerNetwork network =
                    GptNetworks.toMultiLayerNetwork(gpt, new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)));
            for (int i = 0; i < 3; i++) {
                network.output(Nd4j.createFromArray(ids(B, T, 65))).close();
            }
            baseIsNow();
            for (int i = 0; i < 64; i++) {
                int[][] ids = ids(1 + RANDOM.nextInt(B), 1 + RANDOM.nextInt(T), 65);
                network.output(Nd4j.createFromArray(ids)).close();
                look();
            }
        }
    }

    /** Models that are made, used in every way and closed, one after the other. */
    private static void models() {
        for (int i = 0; i < 40; i++) {
            try (Gpt gpt = gpt(1000, 64, 128, 2)) {
                INDArray x = Nd4j.createFromArray(ids(8, 64, 1000));
                gpt.lossAndGradients(x, x);
                gpt.loss(x, x);
                gpt.logits(x).close();
                try (Decoder decoder = gpt.decoder(2, 64, Window.EXACT)) {
                    decoder.append(0, 1, 2, 3);
                    decoder.append(0, 4);
                }
            }
            if (i == 4) {
                baseIsNow();
            }
            look();
        }
        require(PlanPool.idleBytes() == 0, "arenas of closed models");
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
