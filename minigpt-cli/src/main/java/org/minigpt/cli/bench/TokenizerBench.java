package org.minigpt.cli.bench;

import java.nio.charset.StandardCharsets;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** What {@code minigpt tokenizer bench} measures, on the thread that calls. */
public final class TokenizerBench {
    private TokenizerBench() {}

    /** Trains a tokenizer once, the JVM's warming up included, as a user would wait for it. */
    public static BpeTokenizer train(String text, int vocabSize, ResultLines lines) {
        long start = System.nanoTime();
        BpeTokenizer tokenizer = BpeTrainer.of(text).train(vocabSize);
        lines.print("train_seconds", (System.nanoTime() - start) / 1e9, 2);
        lines.print("merges", tokenizer.merges().size());
        return tokenizer;
    }

    /** Encodes and decodes a text some times, of which the fastest counts. */
    public static void use(String text, Tokenizer tokenizer, int rounds, ResultLines lines) {
        int[] ids = tokenizer.encode(text);
        double megabytes = text.getBytes(StandardCharsets.UTF_8).length / 1e6;
        lines.print("tokens", ids.length);
        double encode = Stopwatch.bestMillis(rounds, 1, () -> tokenizer.encode(text));
        lines.print("encode_mb_per_second", megabytes / encode * 1e3, 1);
        double decode = Stopwatch.bestMillis(rounds, 1, () -> tokenizer.decode(ids));
        lines.print("decode_mb_per_second", megabytes / decode * 1e3, 1);
    }
}
