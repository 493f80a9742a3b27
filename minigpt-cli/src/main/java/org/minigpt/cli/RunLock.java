package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.minigpt.MiniGptException;

/**
 * Keeps a folder for one run at a time, by a lock of the system's on {@code checkpoints/lock}, which a process that is
 * gone does not hold. The file tells who holds it and for which run; after an end in good order it is empty, so that
 * what it says otherwise was left by one that was killed.
 */
final class RunLock implements AutoCloseable {
    private static final String FILE = "lock";
    /** Far behind the text, which others could not read elsewhere on Windows. */
    private static final long PLACE = Long.MAX_VALUE - 1;

    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final RandomAccessFile open;
    /** Empty where the file system has none. Kept, since Java forgets a lock that nobody refers to. */
    private final Optional<FileLock> lock;

    private boolean claimed;

    /**
     * What the file tells.
     *
     * @param pid of the process
     * @param host that it runs on
     * @param since when the process began
     * @param run when the run began
     */
    record Owner(long pid, String host, String since, String run) {
        private static Owner of(Instant run) {
            ProcessHandle process = ProcessHandle.current();
            return new Owner(process.pid(), thisHost(), sinceOf(process), run.toString());
        }

        /** @return whether it surely runs */
        boolean isAlive() {
            return host.equals(thisHost())
                    && ProcessHandle.of(pid)
                            .filter(process -> sinceOf(process).equals(since))
                            .isPresent();
        }

        /** @return when the run began */
        Instant started() {
            return Instant.parse(run);
        }

        MiniGptException refusal(Path folder) {
            return new MiniGptException("The process " + pid + " on " + host + ", which began at " + since
                    + ", is training in " + folder + ": wait for its end, or choose another --out-dir.");
        }
    }

    private RunLock(Path file, RandomAccessFile open, Optional<FileLock> lock) {
        this.file = file;
        this.open = open;
        this.lock = lock;
    }

    /**
     * Takes the lock. On POSIX systems, a file that is closed anywhere in a process gives up the process's locks on it:
     * the one who has the lock does not read the file.
     *
     * @param folder of the run
     * @throws MiniGptException if another process, or another thread of this one, has it
     */
    static RunLock take(Path folder) {
        Path file = file(folder);
        try {
            if (!Files.isDirectory(file.getParent())) {
                Files.createDirectories(file.getParent());
            }
            RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw");
            try {
                FileLock lock = open.getChannel().tryLock(PLACE, 1, false);
                if (lock != null) {
                    return new RunLock(file, open, Optional.of(lock));
                }
            } catch (OverlappingFileLockException e) {
                // a thread of this process has it
            } catch (IOException e) {
                // There are file systems without locks.
                if (read(file).filter(Owner::isAlive).isEmpty()) {
                    return new RunLock(file, open, Optional.empty());
                }
            }
            open.close();
            throw owner(folder)
                    .map(owner -> owner.refusal(folder))
                    .orElseGet(() -> new MiniGptException("Another process is training in " + folder
                            + ": wait for its end, or choose another --out-dir."));
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /** @throws MiniGptException as {@link #take}, which makes files where this does not */
    static void requireFree(Path folder) {
        if (Files.exists(file(folder))) {
            take(folder).close();
        }
    }

    /** @return the process that has the lock, or was killed when it had */
    static Optional<Owner> owner(Path folder) {
        return read(file(folder));
    }

    private static Path file(Path folder) {
        return folder.resolve(Resumption.CHECKPOINTS).resolve(FILE);
    }

    private static Optional<Owner> read(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            Owner owner = JSON.readValue(Files.readString(file), Owner.class);
            owner.started();
            return Optional.of(owner);
        } catch (JsonProcessingException | RuntimeException e) {
            return Optional.empty(); // empty, or not ours
        } catch (IOException e) {
            throw new MiniGptException(file + " can't be read (" + e + "): check its permissions.", e);
        }
    }

    /** Tells who has the lock, and for which run. */
    void claim(Instant run) {
        try {
            byte[] text = (JSON.writeValueAsString(Owner.of(run)) + "\n").getBytes(UTF_8);
            open.seek(0);
            open.write(text); // at once, so that a crash leaves all or nothing of it
            open.setLength(text.length);
            open.getFD().sync();
            claimed = true;
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /** Gives the lock back; who has claimed it has ended in good order. */
    @Override
    public void close() {
        try (open) {
            if (claimed && lock.map(FileLock::isValid).orElse(true)) {
                open.setLength(0);
            }
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static MiniGptException unwritable(Path file, IOException e) {
        return new MiniGptException(file + " can't be written (" + e + "): make room, or choose another --out-dir.", e);
    }

    private static String sinceOf(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toString).orElse("");
    }

    private static String thisHost() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "this machine";
        }
    }
}
