package org.minigpt.generate;

import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.LanguageModel;

/**
 * Sequences that are generated together, one token of each at a step: the one loop of everything that generates. For
 * use by one thread.
 */
final class TokenBatch implements AutoCloseable {
    private final List<Sequence> sequences;
    private final BooleanSupplier cancelled;
    private final Decoder decoder;
    private int[] active; // the rows of those that have not ended
    private int[][] pending; // by active row, the tokens that the decoder has not seen; null before the first step
    private boolean closed;

    /** @param cancelled asked within each step whether all are to end with what they have */
    TokenBatch(LanguageModel model, List<Sequence> sequences, SamplingOptions options, BooleanSupplier cancelled) {
        this.sequences = sequences;
        this.cancelled = cancelled;
        long longest =
                sequences.stream().mapToLong(s -> s.prompt().length).max().orElseThrow();
        int tokens = (int) Math.min(Integer.MAX_VALUE, longest + options.maxNewTokens());
        decoder = model.decoder(sequences.size(), tokens, options.window());
        active = IntStream.range(0, sequences.size()).toArray();
        if (options.maxNewTokens() == 0) {
            cancel();
        }
    }

    /**
     * Computes the next token of each sequence that has not ended. The batch is closed when all have, or if it fails.
     *
     * @return whether there may be more
     */
    boolean step() {
        if (ended()) {
            return false;
        }
        try {
            double[][] logits = pending == null ? prefill() : decoder.append(active, pending);
            if (cancelled.getAsBoolean()) {
                cancel();
            } else {
                choose(logits);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        return !ended();
    }

    /** {@link #step}, but nothing is computed if it has been cancelled. */
    boolean advance() {
        if (cancelled.getAsBoolean()) {
            cancel();
        }
        return step();
    }

    /** Runs each prompt in the row of its first sample, and copies what is remembered to the others'. */
    private double[][] prefill() {
        int[] firsts = IntStream.of(active).filter(row -> !repeats(row)).toArray();
        double[][] ofPrompts = decoder.append(
                firsts,
                IntStream.of(firsts)
                        .mapToObj(row -> sequences.get(row).prompt())
                        .toArray(int[][]::new));
        double[][] logits = new double[active.length][];
        int prompt = -1;
        for (int row : active) {
            if (repeats(row)) {
                decoder.copy(row - 1, row);
            } else {
                prompt++;
            }
            logits[row] = ofPrompts[prompt];
        }
        return logits;
    }

    private boolean repeats(int row) {
        return row > 0 && sequences.get(row).prompt() == sequences.get(row - 1).prompt();
    }

    private void choose(double[][] logits) {
        int[] still = new int[active.length];
        int[][] ids = new int[active.length][];
        int count = 0;
        for (int i = 0; i < active.length; i++) {
            int id = sequences.get(active[i]).next(logits[i]);
            if (id >= 0) {
                still[count] = active[i];
                ids[count++] = new int[] {id};
            }
        }
        active = Arrays.copyOf(still, count);
        pending = Arrays.copyOf(ids, count);
        if (ended()) {
            close();
        }
    }

    /** Ends the sequences that have not ended yet, with what they have. */
    void cancel() {
        for (int row : active) {
            sequences.get(row).cancel();
        }
        close();
    }

    boolean ended() {
        return active.length == 0;
    }

    /** Gives the memory back to the model; sequences that have not ended go no further. */
    @Override
    public void close() {
        active = new int[0];
        sequences.forEach(sequence -> sequence.finish(FinishReason.CANCELLED));
        if (!closed) {
            closed = true;
            decoder.close();
        }
    }
}
