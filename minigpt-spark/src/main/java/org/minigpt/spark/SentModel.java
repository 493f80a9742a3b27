package org.minigpt.spark;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

/**
 * A model on its way to executors.
 *
 * @param id under which an executor keeps it
 * @param tokenizer the bytes of its file
 */
record SentModel(String id, GptConfig config, float[] parameters, List<Integer> eosTokenIds, byte[] tokenizer)
        implements Serializable {

    /** A model that has arrived. */
    record Arrived(Gpt gpt, Tokenizer tokenizer) {}

    static SentModel of(Gpt gpt, Tokenizer tokenizer) {
        return new SentModel(
                UUID.randomUUID().toString(),
                gpt.config(),
                gpt.flatParameters().toFloatVector(),
                gpt.eosTokenIds(),
                bytes(tokenizer));
    }

    /** @return a tokenizer's file */
    static byte[] bytes(Tokenizer tokenizer) {
        return throughFile(file -> {
            tokenizer.save(file);
            return Files.readAllBytes(file);
        });
    }

    /** @return the tokenizer of a file's {@link #bytes} */
    static Tokenizer tokenizer(byte[] bytes) {
        return throughFile(file -> {
            Files.write(file, bytes);
            return Tokenizers.load(file);
        });
    }

    /** @return the model, of which a JVM has one */
    Arrived arrive() {
        return ExecutorModels.shared(id, Arrived.class, this::open);
    }

    private Arrived open() {
        Gpt gpt = Gpt.builder(config).zeroParameters().eosTokenIds(eosTokenIds).build();
        gpt.setParameters(parameters);
        return new Arrived(gpt, tokenizer(tokenizer));
    }

    private interface OnFile<T> {
        T apply(Path file) throws IOException;
    }

    /** Tokenizers are read from files, and written to them. */
    private static <T> T throughFile(OnFile<T> use) {
        try {
            Path dir = Files.createTempDirectory("minigpt");
            Path file = dir.resolve(Tokenizers.FILE);
            try {
                return use.apply(file);
            } finally {
                Files.deleteIfExists(file);
                Files.delete(dir);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
