package org.minigpt.examples;

import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;

/**
 * Begins with one of {@link EntryPoints} and prints which kernels OpenBLAS chose when that had it loaded; "none" if it
 * came to its end without. Run by {@link EntryPointsTest} and by {@code minigpt-tests/bin/entry-points}, for Linux.
 *
 * <p>Arguments: the folder of files, the name of the entry point, and "steps" to let it come to its end and print the
 * milliseconds of CPU time that a training step takes then. With the folder alone it writes the files there and prints
 * the names of those entry points that come to an end.
 */
final class EntryPointJvm {
    private static final Path MAPS = Path.of("/proc/self/maps");
    private static final int ROUNDS = 8;
    private static final int STEPS = 40;

    private EntryPointJvm() {}

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        Path dir = Path.of(args[0]);
        if (args.length == 1) {
            EntryPoints.writeFiles(Files.createDirectories(dir));
            EntryPoints.all().keySet().stream()
                    .filter(name -> !name.startsWith("minigpt ")) // which end the JVM
                    .forEach(out::println);
            return;
        }
        EntryPoints.EntryPoint entryPoint = EntryPoints.all().get(args[1]);
        if (args.length > 2) {
            entryPoint.run(dir);
            out.printf(Locale.ROOT, "> %s %.2f%n", kernels(), millisOfCpu());
            System.exit(0);
        }
        Thread program = new Thread(() -> {
            try {
                entryPoint.run(dir);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        // Without waiting for the program's end, which is another test's matter.
        program.start();
        while (program.isAlive() && openBlas().isEmpty()) {
            Thread.sleep(30);
        }
        out.println("> " + kernels());
        Runtime.getRuntime().halt(0);
    }

    /** @return the file of OpenBLAS, if this process has loaded it */
    private static Optional<String> openBlas() throws IOException {
        return Files.readAllLines(MAPS).stream()
                .filter(line -> line.contains("/libopenblas"))
                .map(line -> line.substring(line.indexOf('/')))
                .findFirst();
    }

    /** Asks the library itself: asking ND4J would make it load what the entry point has not. */
    private static String kernels() throws IOException {
        return openBlas()
                .map(file -> NativeLibrary.getInstance(file)
                        .getFunction("openblas_get_corename")
                        .invokeString(new Object[0], false))
                .orElse("none");
    }

    /** @return what the process takes for forward and backward of 12 rows of 64 tokens, 4 layers, 128 wide, at best */
    private static double millisOfCpu() {
        GptConfig config = GptConfig.builder()
                .vocabSize(65)
                .blockSize(64)
                .nLayer(4)
                .nHead(4)
                .nEmbd(128)
                .build();
        Gpt gpt = Gpt.builder(config).seed(1).replicas(1).build();
        Random random = new Random(1);
        Batch batch = new Batch(
                12,
                64,
                random.ints(12 * 64, 0, 65).toArray(),
                random.ints(12 * 64, 0, 65).toArray());
        long best = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long start = processCpuTime();
            for (int step = 0; step < STEPS; step++) {
                gpt.lossAndGradients(batch.xArray(), batch.yArray(), 0);
            }
            best = Math.min(best, processCpuTime() - start);
        }
        return best / 1e6 / STEPS;
    }

    private static long processCpuTime() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
                .getProcessCpuTime();
    }
}
