package org.minigpt.server;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextBatch;
import org.minigpt.generate.TextGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that generates, a token of every request's texts at a step, and what stands in line for it. Requests are
 * read and answered by others, so that none of them holds up a token.
 */
final class DecodeLoop {
    private static final Logger LOG = LoggerFactory.getLogger(DecodeLoop.class);

    private static final int READERS = 4;
    private static final int WRITERS = 2;

    /** Larger requests are read one after the other, and hold up none that are not. */
    private static final int LARGE = 64 << 10;

    private static final int FIRST_TOKENS = 32;

    /** How long it waits when all clients are behind with reading. */
    private static final long PAUSE_MILLIS = 5;

    private final TextGenerator generator;
    private final int maxTexts;
    private final int maxWaiting;
    private final int rows;
    private final Window window;
    private final Slots reading;
    private final Slots readingLarge;
    private final Slots answering;
    private final Thread thread = new Thread(this::run, "minigpt-generate");
    private TextBatch batch; // the thread's

    private final Deque<CompletionJob> line = new ArrayDeque<>(); // those that are read
    private List<CompletionJob> arrived = new ArrayList<>(); // those whose turn it is
    private int waiting; // requests that are to be read, or in line
    private int active; // requests that generate
    private int texts; // of these
    private int unanswered; // requests that generate, or whose answers are being written
    private boolean stopping;
    private boolean ending;
    private boolean closed;

    /** @throws org.minigpt.MiniGptException if the model can't generate */
    DecodeLoop(TextGenerator generator, ServerOptions options) {
        this.generator = generator;
        this.maxTexts = options.maxConcurrent();
        this.maxWaiting = options.maxWaiting();
        this.rows = Math.max(options.maxConcurrent(), options.maxChoices());
        this.window = options.window();
        this.batch = generator.batch(rows, window);
        tryOut();
        reading = new Slots("minigpt-read", READERS, Integer.MAX_VALUE);
        readingLarge = new Slots("minigpt-read-large", 1, Integer.MAX_VALUE);
        answering = new Slots("minigpt-answer", WRITERS, Integer.MAX_VALUE);
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * What is wrong with the model shall be known before the first request, and be no fault of that; nor shall that wait for
     * classes, plans and the JIT.
     */
    private void tryOut() {
        SamplingOptions some = SamplingOptions.builder()
                .maxNewTokens(FIRST_TOKENS)
                .ignoreEos(true)
                .build();
        batch.join(List.of(generator.encode("")), 1, some, (sequence, token, text) -> {});
        while (batch.size() > 0) {
            batch.step();
        }
    }

    /**
     * Takes a request on.
     *
     * @param bytes of its body
     * @param reader reads it; what it throws is the answer
     * @throws ApiException if too many wait, or the server stops
     */
    void take(Exchange exchange, int bytes, Supplier<CompletionJob> reader) {
        synchronized (this) {
            requireRunning();
            if (waiting >= maxWaiting + Math.max(0, maxTexts - texts)) {
                throw Slots.full(active, waiting);
            }
            waiting++;
        }
        Runnable task = () -> Service.answering(exchange, () -> read(exchange, reader));
        Slots readers = bytes > LARGE ? readingLarge : reading;
        exchange.onGone(() -> forget(task, readers));
        readers.run(task);
    }

    private synchronized void requireRunning() {
        if (stopping) {
            throw ApiException.stopping();
        }
    }

    private synchronized void forget(Runnable task, Slots readers) {
        if (readers.forget(task)) {
            waiting--;
        }
        notifyAll(); // it may be in line
    }

    private void read(Exchange exchange, Supplier<CompletionJob> reader) {
        CompletionJob job = null;
        try {
            if (!exchange.gone()) {
                requireRunning();
                job = reader.get();
            }
        } finally {
            if (job == null) {
                leave();
            }
        }
        if (job != null) {
            awaitTurn(job, exchange);
        }
    }

    private synchronized void leave() {
        waiting--;
    }

    /** First come, first served, also where the first has many texts; those that it has no room for begin alone. */
    private synchronized void awaitTurn(CompletionJob job, Exchange exchange) {
        line.add(job);
        try {
            while (line.element() != job || texts > 0 && texts + job.texts() > maxTexts) {
                if (exchange.gone()) {
                    return;
                }
                requireRunning();
                wait(job.deadline().requireMillis());
            }
            requireRunning();
            active++;
            unanswered++;
            texts += job.texts();
            arrived.add(job);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.stopping();
        } finally {
            line.remove(job);
            waiting--;
            notifyAll();
        }
    }

    private void run() {
        List<CompletionJob> jobs = new ArrayList<>();
        boolean computed = true;
        while (true) {
            List<CompletionJob> more = arrivals(jobs.isEmpty(), computed);
            if (more == null) {
                batch.close();
                return;
            }
            jobs.addAll(more);
            try {
                more.forEach(job -> job.begin(batch, this));
                computed = batch.step();
            } catch (RuntimeException | Error e) { // such as too little memory; others may need less
                LOG.error("Generating failed", e);
                jobs.forEach(job -> job.fail(e));
                batch.close();
                batch = generator.batch(rows, window);
            }
            jobs.removeIf(this::ended);
        }
    }

    /** @return those whose turn it is; null if there are none, and no more will come */
    private synchronized List<CompletionJob> arrivals(boolean idle, boolean computed) {
        try {
            while (arrived.isEmpty() && idle) {
                if (closed) {
                    return null;
                }
                wait();
            }
            if (arrived.isEmpty() && !computed) {
                wait(PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            LOG.warn("The thread that generates was interrupted, which has no effect");
        }
        List<CompletionJob> result = arrived;
        arrived = new ArrayList<>();
        return result;
    }

    private boolean ended(CompletionJob job) {
        if (!job.ended()) {
            return false;
        }
        synchronized (this) {
            active--;
            texts -= job.texts();
            notifyAll();
        }
        return true;
    }

    /** Has an answer written, or a part of it, by another thread. */
    void answer(Runnable writing) {
        answering.run(writing);
    }

    /** An answer has been written. */
    synchronized void answered() {
        unanswered--;
        notifyAll();
    }

    /** @return whether texts are to end with what they have */
    synchronized boolean ending() {
        return ending;
    }

    /** @return the requests that generate */
    synchronized int active() {
        return active;
    }

    /** @return the requests that wait for their turn */
    synchronized int waiting() {
        return waiting;
    }

    /** Refuses what waits and what comes. */
    synchronized void stop() {
        stopping = true;
        notifyAll();
    }

    /** Lets texts end with what they have. */
    synchronized void end() {
        ending = true;
    }

    /** Waits until all is answered, if that comes in time. */
    synchronized void awaitEnd(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        try {
            while (waiting + unanswered > 0) {
                long millis = (end - System.nanoTime()) / 1_000_000;
                if (millis <= 0) {
                    return;
                }
                wait(millis);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends its threads, once all has ended. */
    void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        reading.stop();
        readingLarge.stop();
        answering.stop();
    }
}
