package org.minigpt.cli.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.train.TrainState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lines of {@code metrics.jsonl}. The file only grows, so a checkpoint needs but its length, its checksum, and the
 * lines that are not in it yet: they stand in a file of the same name there. What a crash leaves beyond is cut off when
 * the run goes on. Lines wait in memory until {@link #begin}; until then the file may be another run's.
 */
final class MetricsLog {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsLog.class);
    private static final int PIECE_BYTES = 1 << 16;
    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final StringBuilder waiting = new StringBuilder();
    private final MessageDigest digest = sha256();
    /** The bytes at the file's beginning that are this run's; the digest is theirs. */
    private long length;

    private boolean begun;

    /**
     * The first line of the file in a checkpoint.
     *
     * @param after the bytes of the run's file that come before the lines here
     * @param sha256 of those
     */
    private record Header(long after, String sha256) {}

    MetricsLog(Path file) {
        this.file = file;
    }

    boolean isBegun() {
        return begun;
    }

    /** @return the bytes of the file that are this run's */
    long length() {
        return length;
    }

    void append(String line) {
        waiting.append(line).append('\n');
    }

    /** Makes the file this run's. */
    void begin() {
        if (!begun) {
            if (length == 0) {
                AtomicFiles.write(file, out -> {});
            }
            begun = true;
            flush();
        }
    }

    /** Writes what waits, in the place of whatever is behind the lines of before. */
    void flush() {
        byte[] bytes = waiting.toString().getBytes(UTF_8);
        // Not a channel: an interrupt of the thread would close it.
        try (RandomAccessFile out = open()) {
            out.setLength(length);
            out.seek(length);
            out.write(bytes);
            out.getFD().sync();
        } catch (IOException e) {
            throw new MiniGptException(file + " can't be written (" + e + "): make room, and leave it in place.", e);
        }
        digest.update(bytes);
        length += bytes.length;
        waiting.setLength(0);
    }

    private RandomAccessFile open() throws IOException {
        if (!Files.exists(file) || Files.size(file) < length) {
            throw new FileNotFoundException("lines of before are not there any more");
        }
        return new RandomAccessFile(file.toFile(), "rw");
    }

    /** Writes to a checkpoint what {@link #restore} needs. */
    void saveTo(Path checkpoint) throws IOException {
        if (begun) {
            flush();
        }
        Header header = new Header(length, hex(digest));
        Files.writeString(in(checkpoint), JSON.writeValueAsString(header) + "\n" + waiting);
    }

    private Path in(Path checkpoint) {
        return checkpoint.resolve(file.getFileName());
    }

    /**
     * Takes over the lines of a run that goes on. No file is written before {@link #begin}.
     *
     * @param checkpoint from which it goes on
     * @param original the file of the run; this one, unless the run goes on in another folder
     * @param lines gets all of them
     * @throws MiniGptException if the file is not the run's any more
     */
    void restore(Path checkpoint, TrainState state, Path original, IOConsumer<JsonNode> lines) {
        try {
            Header header = Files.exists(in(checkpoint)) ? header(checkpoint) : ofEarlierVersion(state, original);
            if (header.after > 0 && !Files.exists(original)) {
                LOG.warn("{} is not there any more: the record begins at iteration {}.", original, state.iteration());
                header = new Header(0, hex(sha256()));
            }
            readBeginning(original, header, state, lines);
            if (Files.exists(in(checkpoint))) {
                try (BufferedReader rest = Files.newBufferedReader(in(checkpoint))) {
                    rest.readLine();
                    for (String line = rest.readLine(); line != null; line = rest.readLine()) {
                        lines.accept(JSON.readTree(line));
                        append(line);
                    }
                }
            }
        } catch (IOException e) {
            throw unreadable(original, e.toString(), state);
        }
    }

    private Header header(Path checkpoint) throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(in(checkpoint))) {
            return JSON.readValue(String.valueOf(reader.readLine()), Header.class);
        }
    }

    /** Checkpoints once did not tell how much of the file is theirs: what was before them, by its iterations. */
    private static Header ofEarlierVersion(TrainState state, Path original) throws IOException {
        MessageDigest digest = sha256();
        long bytes = 0;
        if (Files.exists(original)) {
            try (BufferedReader reader = Files.newBufferedReader(original)) {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    // A crash may have left the last line unfinished.
                    if (!line.endsWith("}") || !isBefore(JSON.readTree(line), state)) {
                        break;
                    }
                    byte[] whole = (line + "\n").getBytes(UTF_8);
                    digest.update(whole);
                    bytes += whole.length;
                }
            }
        }
        return new Header(bytes, hex(digest));
    }

    private static boolean isBefore(JsonNode line, TrainState state) {
        long of = line.path("iteration").asLong();
        boolean step = line.path("type").asText().equals("step");
        boolean evaluated = state.lastEvaluation()
                .filter(report -> report.iteration() == state.iteration())
                .isPresent();
        return of < state.iteration() || !step && evaluated && of == state.iteration();
    }

    private void readBeginning(Path original, Header header, TrainState state, IOConsumer<JsonNode> lines)
            throws IOException {
        if (header.after == 0) {
            return;
        }
        MessageDigest found = sha256();
        if (!header.sha256.equals(digest(original, header.after, found))) {
            throw unreadable(original, "its beginning is not what the run wrote", state);
        }
        try (BufferedReader reader = Files.newBufferedReader(original)) {
            for (long left = header.after; left > 0; ) {
                String line = reader.readLine();
                left -= line.getBytes(UTF_8).length + 1;
                lines.accept(JSON.readTree(line));
                if (!file.equals(original)) {
                    append(line);
                }
            }
        }
        if (file.equals(original)) {
            length = header.after;
            digest(original, length, digest);
        }
    }

    /** @return the SHA-256 of a file's first bytes, or of all if it has fewer */
    private static String digest(Path file, long bytes, MessageDigest digest) throws IOException {
        byte[] piece = new byte[PIECE_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            long left = bytes;
            int n = 0;
            while (left > 0 && n >= 0) {
                digest.update(piece, 0, n);
                left -= n;
                n = in.read(piece, 0, (int) Math.min(left, piece.length));
            }
        }
        return hex(digest);
    }

    private static MiniGptException unreadable(Path file, String reason, TrainState state) {
        return new MiniGptException(
                "The metrics in " + file + " can't be gone on with (" + reason + "): restore them, or"
                        + " move the file away, and the record begins at iteration " + state.iteration() + ".");
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    /** The digest can still be added to. */
    private static String hex(MessageDigest digest) {
        try {
            return HexFormat.of().formatHex(((MessageDigest) digest.clone()).digest());
        } catch (CloneNotSupportedException e) {
            throw new AssertionError("Java's own can be cloned", e);
        }
    }
}
