package org.minigpt.generate;

import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A generation for each subscriber, which computes no more pieces than are asked for. A generation runs on the executor
 * while there is demand, one piece after the other, and the subscriber is called there.
 */
final class TextPublisher implements Flow.Publisher<String> {
    private final Supplier<TextStream> source;
    private final Executor executor;

    TextPublisher(Supplier<TextStream> source, Executor executor) {
        this.source = source;
        this.executor = executor;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super String> subscriber) {
        Run run = new Run(subscriber);
        subscriber.onSubscribe(run);
        run.start();
    }

    private final class Run implements Flow.Subscription, Runnable {
        private final Flow.Subscriber<? super String> subscriber;
        private final AtomicLong demand = new AtomicLong();
        /** Requests and cancellations since the last turn: whoever makes the first starts the next turn. */
        private final AtomicLong signals = new AtomicLong(1);

        private final AtomicBoolean cancelled = new AtomicBoolean();
        private volatile IllegalArgumentException badRequest;
        private TextStream stream;
        private boolean done;

        Run(Flow.Subscriber<? super String> subscriber) {
            this.subscriber = subscriber;
        }

        /** The first turn, after onSubscribe: it opens the generation, even without demand. */
        void start() {
            executor.execute(this);
        }

        @Override
        public void request(long n) {
            if (n <= 0) {
                badRequest = new IllegalArgumentException("a subscriber asks for " + n + " pieces; ask for at least 1");
            } else {
                demand.accumulateAndGet(n, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
            }
            signal();
        }

        @Override
        public void cancel() {
            cancelled.set(true);
            signal();
        }

        private void signal() {
            if (signals.getAndIncrement() == 0) {
                executor.execute(this);
            }
        }

        @Override
        public void run() {
            long seen;
            do {
                seen = signals.get();
                turn();
            } while (signals.addAndGet(-seen) != 0);
        }

        private void turn() {
            if (done) {
                return;
            }
            try {
                if (stream == null && !cancelled.get()) {
                    stream = source.get();
                }
                boolean more = true;
                while (more && !cancelled.get() && badRequest == null && demand.get() > 0) {
                    more = stream.hasNext();
                    if (more) {
                        demand.decrementAndGet();
                        subscriber.onNext(stream.next());
                    }
                }
                if (cancelled.get()) {
                    end();
                } else if (badRequest != null) {
                    end();
                    subscriber.onError(badRequest);
                } else if (!more || stream.exhausted()) {
                    end();
                    subscriber.onComplete();
                }
            } catch (RuntimeException e) {
                end();
                if (!cancelled.get()) {
                    subscriber.onError(e);
                }
            }
        }

        private void end() {
            done = true;
            if (stream != null) {
                stream.close();
            }
        }
    }
}
