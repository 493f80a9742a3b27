package org.minigpt.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A client's connection. Beside Jetty's it bounds the time for a whole request, however many pieces it comes in; and it
 * goes on reading while the request is at work, so that a client that hangs up is noticed.
 */
final class ClientEndPoint extends SocketChannelEndPoint {
    /** A client that waits for nothing is idle for so long at most. */
    private static final Duration IDLE = Duration.ofSeconds(60);

    /** Bytes of requests ahead of an answer that are read; others stay with the client. */
    private static final int MAX_AHEAD = 16 << 10;

    /** How long a client that is refused may go on sending: if it were reset, the answer might be lost. */
    static final Duration LINGER = Duration.ofSeconds(2);

    private final Scheduler scheduler;
    private final Duration patience;
    private final Callback watcher = Callback.from(Callback.NOOP.getInvocationType(), this::look, failure -> look());
    private ByteBuffer ahead = BufferUtil.EMPTY_BUFFER;
    private Scheduler.Task deadline;
    private boolean working;
    private boolean refused;
    private Runnable onLate;
    private Runnable onGone;

    ClientEndPoint(
            SocketChannel channel, ManagedSelector selector, SelectionKey key, Scheduler scheduler, Duration patience) {
        super(channel, selector, key, scheduler);
        this.scheduler = scheduler;
        this.patience = patience;
        setIdleTimeout(patience.toMillis());
    }

    static ClientEndPoint of(EndPoint endPoint) {
        return (ClientEndPoint) endPoint;
    }

    @Override
    public synchronized int fill(ByteBuffer buffer) throws IOException {
        if (ahead.hasRemaining()) {
            return BufferUtil.append(buffer, ahead);
        }
        int before = buffer.limit();
        int n = super.fill(buffer);
        if (refused && n > 0) {
            buffer.limit(before);
            return 0;
        }
        if (n > 0 && !working && deadline == null) {
            setIdleTimeout(2 * patience.toMillis()); // the deadline comes first
            deadline = scheduler.schedule(this::late, patience.toMillis(), TimeUnit.MILLISECONDS);
        }
        return n;
    }

    /** Sets what is done when a request whose headers have come does not come whole in time. */
    synchronized void onLate(Runnable action) {
        onLate = action;
    }

    /** A request is whole, or enough is known of it for an answer. */
    synchronized void received() {
        working = true;
        setIdleTimeout(patience.toMillis()); // for what is written
        onLate = null;
        if (deadline != null) {
            deadline.cancel();
            deadline = null;
        }
    }

    private void late() {
        Runnable action;
        synchronized (this) {
            if (working || deadline == null) {
                return;
            }
            action = onLate;
            refused = action == null;
        }
        if (action != null) {
            action.run();
        } else if (isOutputShutdown()) {
            close();
        } else {
            byte[] body = Json.bytes(ApiException.late(patience).toJson());
            String head = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
                    + "Content-Length: " + body.length + "\r\n\r\n";
            scheduler.schedule(this::close, LINGER.toMillis(), TimeUnit.MILLISECONDS);
            write(
                    Callback.from(this::shutdownOutput, failure -> close()),
                    ByteBuffer.wrap(head.getBytes(ISO_8859_1)),
                    ByteBuffer.wrap(body));
        }
    }

    /** Calls the action once if the client hangs up, or half-hangs up, until {@link #unwatch} is called. */
    void watch(Runnable action) {
        synchronized (this) {
            onGone = action;
        }
        look();
    }

    /** To be called before the answer's end: what comes then is Jetty's to read. */
    void unwatch() {
        synchronized (this) {
            onGone = null;
        }
        getFillInterest().fillable(); // drops the watcher
    }

    /** The answer has been sent. */
    synchronized void answered() {
        working = false;
        setIdleTimeout(IDLE.toMillis());
    }

    private void look() {
        Runnable action;
        synchronized (this) {
            if (onGone == null || !readAhead()) {
                return;
            }
            action = onGone;
            onGone = null;
        }
        action.run();
    }

    /** @return whether the client has hung up */
    private boolean readAhead() {
        try {
            while (ahead.remaining() < MAX_AHEAD) {
                ByteBuffer piece = BufferUtil.allocate(1024);
                int n = super.fill(piece);
                if (n < 0) {
                    return true;
                }
                if (n == 0) {
                    return !isOpen() || !tryFillInterested(watcher);
                }
                ahead = ByteBuffer.allocate(ahead.remaining() + n)
                        .put(ahead)
                        .put(piece)
                        .flip();
            }
            return false;
        } catch (IOException e) {
            return true;
        }
    }
}
