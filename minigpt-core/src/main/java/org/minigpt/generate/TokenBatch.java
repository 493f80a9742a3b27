package org.minigpt.generate;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.minigpt.decode.Decoder;
import org.minigpt.generate.TokenGeneration.FinishReason;

/**
 * Sequences that are generated together, one token of each at a step: the one loop of everything that generates. They
 * come and go between steps; those that find no room wait, first come, first served. A sequence's tokens do not depend on
 * the others'. What a prompt has in common with one that has been run here, up to where prompts are cut, is not run
 * again. For use by one thread.
 */
final class TokenBatch implements AutoCloseable {
    /** Tokens of prompts that run in one step at most, so that no token waits for more. */
    private static final int PROMPT_TOKENS = Decoder.CHUNK;

    private final Decoder decoder;
    private final List<Row> rows;
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private int promptTurn; // the row whose prompt runs first
    private int slideTurn; // the row whose context slides next
    private int spent; // tokens of prompts in this step
    private long owed; // nanoseconds that contexts which slide have had more than all else
    private long steps;
    private boolean closed;

    /** A sequence of the decoder, and what that still knows of the last prompt there. */
    private static final class Row {
        private final int index;
        private Sequence sequence; // null if it is free
        private int[] prompt = {}; // the last block_size tokens of it
        private int done; // tokens of it that the decoder has
        private double[] logits; // after all of it; null before
        private int next = -1; // the token after those that the decoder has; -1 while the prompt runs
        private boolean slid; // the prompt is no more what the context begins with
        private long left; // when it became free

        Row(int index) {
            this.index = index;
        }
    }

    /** @param decoder with room for as many sequences as are to run at once, which is closed with this */
    TokenBatch(Decoder decoder) {
        this.decoder = decoder;
        rows = IntStream.range(0, decoder.rows()).mapToObj(Row::new).toList();
    }

    /** Lets a sequence take part from the next step on, or from when there is room for it. */
    void join(Sequence sequence) {
        waiting.add(sequence);
    }

    /** @return the sequences that have not ended, those that wait among them */
    int size() {
        int size = waiting.size();
        for (Row row : rows) {
            size += row.sequence == null ? 0 : 1;
        }
        return size;
    }

    /**
     * Computes the next token of each sequence, but for those that pause, those that are not done with their prompts, and
     * those whose contexts slide, of which one has its turn.
     * If it throws, the batch is closed.
     *
     * @return whether anything was computed
     */
    boolean step() {
        steps++;
        try {
            waiting.removeIf(TokenBatch::leaves);
            for (Row row : rows) {
                if (row.sequence != null && leaves(row.sequence)) {
                    leave(row);
                }
            }
            admit();
            List<Row> single = new ArrayList<>();
            List<Row> prompts = new ArrayList<>();
            List<Row> sliding = new ArrayList<>();
            for (Row row : rows) {
                if (row.sequence != null && !row.sequence.paused()) {
                    boolean slides = !decoder.cached() || decoder.slides(row.index, 1);
                    (row.next < 0 ? prompts : slides ? sliding : single).add(row);
                }
            }
            long start = System.nanoTime();
            runPrompts(prompts);
            runSingle(single);
            owed -= System.nanoTime() - start;
            if (owed <= 0 || prompts.size() + single.size() == 0) {
                start = System.nanoTime();
                runSliding(sliding);
                owed = System.nanoTime() - start;
            }
            return single.size() + prompts.size() + sliding.size() > 0;
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static boolean leaves(Sequence sequence) {
        try {
            if (sequence.isCancelled()) {
                sequence.cancel();
                return true;
            }
        } catch (RuntimeException e) {
            sequence.fail(e);
            return true;
        }
        return false;
    }

    private void admit() {
        while (!waiting.isEmpty()) {
            Sequence sequence = waiting.element();
            int[] all = sequence.prompt();
            int[] prompt = Arrays.copyOfRange(all, Math.max(0, all.length - decoder.blockSize()), all.length);
            // What need not be run saves most; else what has been of no use for long goes first.
            Optional<Row> free = rows.stream()
                    .filter(row -> row.sequence == null)
                    .max(Comparator.<Row>comparingInt(row -> shared(row, prompt))
                            .thenComparingLong(row -> -row.left));
            if (free.isEmpty()) {
                return;
            }
            waiting.remove();
            Row row = free.get();
            int done = shared(row, prompt);
            decoder.copy(row.index, row.index, done);
            row.sequence = sequence;
            row.prompt = prompt;
            row.done = done;
            row.logits = done == prompt.length ? row.logits : null;
            row.next = -1;
            row.slid = false;
        }
    }

    /** @return the tokens of a prompt that a row has run as they would be run for it */
    private int shared(Row row, int[] prompt) {
        if (row.slid) {
            return 0;
        }
        int mismatch = Arrays.mismatch(row.prompt, 0, row.done, prompt, 0, prompt.length);
        if (mismatch < 0 && row.logits != null) {
            return prompt.length;
        }
        int common = mismatch < 0 ? row.done : mismatch;
        int cut = 0;
        // The last piece of a prompt has a length of its own, and tells what comes next.
        for (int next = Decoder.cut(0); next <= Math.min(common, prompt.length - 1); next = Decoder.cut(next)) {
            cut = next;
        }
        return decoder.cached() ? cut : 0;
    }

    /** Each by itself: who gets no time in this step is the first in the next. */
    private void runPrompts(List<Row> prompts) {
        spent = 0;
        boolean all = true;
        prompts.sort(from(promptTurn));
        for (Row row : prompts) {
            boolean had = true;
            try {
                had = runPrompt(row);
            } catch (RuntimeException e) {
                fail(row, e);
            }
            if (all && !had) {
                all = false;
                promptTurn = row.index;
            }
        }
    }

    /**
     * One of the contexts that slide: each of their tokens is a whole window, so they have no more time than all others
     * together.
     */
    private void runSliding(List<Row> sliding) {
        if (sliding.isEmpty()) {
            return;
        }
        Row row = Collections.min(sliding, from(slideTurn));
        slideTurn = row.index + 1;
        try {
            row.slid |= decoder.slides(row.index, 1);
            choose(row, decoder.append(row.index, row.next));
        } catch (RuntimeException e) {
            fail(row, e);
        }
    }

    /** @param first the index of the row that comes first, if it is among them */
    private Comparator<Row> from(int first) {
        return Comparator.comparingInt(row -> Math.floorMod(row.index - first, rows.size()));
    }

    /** @return whether the step has time for so many tokens more, which it then takes */
    private boolean spend(int tokens) {
        if (spent > 0 && spent + tokens > PROMPT_TOKENS) {
            return false;
        }
        spent += tokens;
        return true;
    }

    /** @return whether it has come any further */
    private boolean runPrompt(Row row) {
        int[] prompt = row.prompt;
        int before = row.done;
        while (row.logits == null) {
            Row other = rows.stream()
                    .max(Comparator.comparingInt(each -> shared(each, prompt)))
                    .orElseThrow();
            int shared = shared(other, prompt);
            if (shared > row.done) {
                decoder.copy(other.index, row.index, shared);
                row.done = shared;
                row.logits = shared == prompt.length ? other.logits : null;
                continue;
            }
            int end = decoder.cached() ? Math.min(prompt.length, Decoder.cut(row.done)) : prompt.length;
            if (!spend(end - row.done)) {
                return row.done > before;
            }
            double[] logits = decoder.append(row.index, Arrays.copyOfRange(prompt, row.done, end));
            row.done = end;
            row.logits = end == prompt.length ? logits : null;
        }
        choose(row, row.logits);
        return true;
    }

    private void runSingle(List<Row> single) {
        List<Row> ready = new ArrayList<>();
        for (Row row : single) {
            try {
                decoder.reserve(row.index, 1);
                ready.add(row);
            } catch (RuntimeException e) {
                fail(row, e);
            }
        }
        if (ready.isEmpty()) {
            return;
        }
        // Loops and no streams here, as in Decoder: for a small model those take longer than its arithmetic until
        // compiled.
        int[] indices = new int[ready.size()];
        int[][] ids = new int[ready.size()][];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = ready.get(i).index;
            ids[i] = new int[] {ready.get(i).next};
        }
        double[][] logits = decoder.append(indices, ids);
        for (int i = 0; i < logits.length; i++) {
            choose(ready.get(i), logits[i]);
        }
    }

    private void choose(Row row, double[] logits) {
        try {
            row.next = row.sequence.next(logits);
            if (row.next < 0) {
                leave(row);
            }
        } catch (RuntimeException e) {
            fail(row, e);
        }
    }

    private void leave(Row row) {
        row.sequence = null;
        row.left = steps;
    }

    private void fail(Row row, RuntimeException e) {
        Sequence sequence = row.sequence;
        if (sequence == null) {
            throw e; // it has been told, and that is what it says
        }
        leave(row);
        row.done = 0; // whatever the decoder has
        row.logits = null;
        sequence.fail(e);
    }

    /** Gives the memory back to the model; sequences that have not ended go no further. */
    @Override
    public void close() {
        waiting.forEach(sequence -> sequence.finish(FinishReason.CANCELLED));
        waiting.clear();
        for (Row row : rows) {
            if (row.sequence != null) {
                row.sequence.finish(FinishReason.CANCELLED);
                row.sequence = null;
            }
        }
        if (!closed) {
            closed = true;
            decoder.close();
        }
    }
}
