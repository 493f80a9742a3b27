package org.minigpt.cli.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.decode.LanguageModel;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One step of {@link FileBench}, in a JVM of its own: a model is opened, or made, and saved in another format. It prints
 * the seconds of both, the memory and a checksum of the logits. Nothing is done twice, so that the times are those of a
 * user who opens one model: the JVM's loading and compiling of classes counts, its start does not.
 *
 * <p>Memory is the most that was resident until then, less what was resident with ND4J loaded and no model; as a share of
 * the parameters' bytes. When a model is saved its own parameters count too.
 */
final class FileStep {
    /** Stands for a format where there is none. */
    static final String NONE = "-";

    private static final double MEGABYTE = 1 << 20;

    /** The formats that a GPT-2 goes through, in this order. */
    enum Format {
        HF("hf", ModelFolder::loadGpt, ModelFolder::exportGpt),
        GGUF("model.gguf", file -> GgufFile.read(file).gpt(), (file, gpt) -> GgufFile.write(file, gpt, null)),
        LLMC("model.bin", LlmcFile::read, (file, gpt) -> LlmcFile.write(file, gpt, false)),
        HF_AGAIN("hf-again", ModelFolder::loadGpt, ModelFolder::exportGpt),
        /** For generation alone, so it is the last. */
        Q8_0(
                "q8_0.gguf",
                file -> GgufFile.readQuantized(file).gpt(),
                (file, gpt) -> GgufFile.write(
                        file, gpt, null, WeightType.Q8_0, gpt.config().tiedHead()));

        private final String file;
        private final Function<Path, LanguageModel> open;
        private final BiConsumer<Path, Gpt> save;

        Format(String file, Function<Path, LanguageModel> open, BiConsumer<Path, Gpt> save) {
            this.file = file;
            this.open = open;
            this.save = save;
        }

        /** @return those that can hold the model: llm.c's knows GPT-2 alone, and blocks are of 32 values */
        static List<Format> of(GptConfig config) {
            return Stream.of(values())
                    .filter(format -> format != LLMC || config.hasLayersOfGpt2())
                    .filter(format -> format != Q8_0 || config.nEmbd() % 32 == 0 && config.nInner() % 32 == 0)
                    .toList();
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Path dir;
    private final ResultLines lines = new ResultLines(System.out);

    private FileStep(Path dir) {
        this.dir = dir;
    }

    /** @param args the folder; the format to open, or {@link #NONE} and a model's sizes; the format to save, or NONE */
    public static void main(String[] args) {
        new FileStep(Path.of(args[0])).run(args[1], args[2], args);
    }

    private void run(String from, String to, String[] args) {
        MiniGptRuntime.install();
        Nd4j.zeros(DataType.FLOAT, 1).addi(1);
        OptionalDouble base = PeakMemory.megabytes();
        LanguageModel model;
        if (from.equals(NONE)) {
            model = Gpt.create(FileBench.config(List.of(args).subList(3, args.length)), 1337);
        } else {
            Format format = Format.valueOf(from);
            long start = System.nanoTime();
            model = format.open.apply(dir.resolve(format.file));
            print("open_" + format, start, base, model);
            lines.print("read_" + format + "_seconds", secondsToRead(dir.resolve(format.file)), 2);
        }
        if (!to.equals(NONE)) {
            Format format = Format.valueOf(to);
            long start = System.nanoTime();
            format.save.accept(dir.resolve(format.file), (Gpt) model);
            print("save_" + format, start, base, model);
        }
        if (model instanceof Gpt gpt) {
            lines.print(FileBench.LOGITS, logits(gpt));
        }
    }

    /** @return what reading the bytes of a file, or of a folder's weights, takes that have been read before */
    private static double secondsToRead(Path file) {
        Path weights = Files.isDirectory(file) ? file.resolve(ModelFolder.WEIGHTS) : file;
        long start = System.nanoTime();
        try (InputStream in = Files.newInputStream(weights)) {
            byte[] piece = new byte[1 << 20];
            while (in.read(piece) >= 0) {}
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private void print(String name, long start, OptionalDouble base, LanguageModel model) {
        lines.print(name + "_seconds", (System.nanoTime() - start) / 1e9, 2);
        long bytes = model instanceof QuantizedGpt small ? small.bytes() : Float.BYTES * ((Gpt) model).parameterCount();
        double size = bytes / MEGABYTE;
        if (base.isPresent()) {
            double used = PeakMemory.megabytes().orElseThrow() - base.getAsDouble();
            lines.print(name + "_memory_share", used / size, 2);
        }
    }

    /** @return of the bits of the logits of some tokens */
    private static String logits(Gpt gpt) {
        GptConfig config = gpt.config();
        int[] ids = IntStream.range(0, Math.min(config.blockSize(), 64))
                .map(i -> (int) (i * 7919L % config.vocabSize()))
                .toArray();
        float[] logits = gpt.logits(new int[][] {ids}).dup('c').data().asFloat();
        ByteBuffer bytes = ByteBuffer.allocate(logits.length * Float.BYTES);
        bytes.asFloatBuffer().put(logits);
        CRC32C sum = new CRC32C();
        sum.update(bytes);
        return Long.toHexString(sum.getValue());
    }
}
