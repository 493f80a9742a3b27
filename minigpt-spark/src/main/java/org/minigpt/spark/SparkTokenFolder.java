package org.minigpt.spark;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IOUtils;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenFolder;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

/**
 * {@code minigpt prepare} by the executors of a cluster: the same folder of token files, from a text on any file system of
 * Hadoop's to one. A task has some megabytes of the text, however long that is.
 */
public final class SparkTokenFolder {
    /** What a task reads, so that its text and ids fit a small executor. */
    private static final int CHUNK = 8 << 20;

    /** In so much before a chunk there is a place to cut, or the text can't be shared out. */
    private static final int BEFORE = 1 << 16;

    private static final Duration TIMEOUT = Duration.ofHours(1);

    private static final String PARTS = "_parts";

    private SparkTokenFolder() {}

    /** Some bytes of the text, from {@code from} to {@code to}, of a part of it that is encoded by itself. */
    private record Range(int number, String file, long begin, long from, long to) implements Serializable {}

    /** What is in a range: its characters, and how many there are. */
    private record Survey(long[] characters, long count) implements Serializable {}

    /** What a task has encoded: the bytes of the text, and the number of ids. */
    private record Encoded(long from, long to, long ids) implements Serializable {}

    /**
     * Makes a folder of token files.
     *
     * @param text a UTF-8 file, of which executors can read any part
     * @param dir the folder, which executors can write to; one that is there is replaced when all is done
     * @param trainFraction as for {@link TokenFolder#prepare}
     * @param tokenizer of at most 65,536 tokens; null for one of the text's characters
     * @return the number of ids that train and that validate
     * @throws MiniGptException if the text is no text, is too short, can't be encoded or cut into parts, or a file can't be
     *     read or written
     */
    public static List<Long> prepare(
            JavaSparkContext context, String text, String dir, double trainFraction, Tokenizer tokenizer) {
        return prepare(context, text, dir, trainFraction, tokenizer, CHUNK);
    }

    /** @param chunk the bytes of a task */
    static List<Long> prepare(
            JavaSparkContext context, String text, String dir, double trainFraction, Tokenizer tokenizer, int chunk) {
        Jobs jobs = new Jobs(context, TIMEOUT);
        try {
            return prepare(jobs, text, new Path(dir), trainFraction, tokenizer, chunk);
        } catch (FileNotFoundException e) {
            throw new MiniGptException("There is no file " + text + ": check the path.", e);
        } catch (IOException e) {
            throw new MiniGptException(
                    "Token files of " + text + " can't be made in " + dir + " (" + e + "): check both.", e);
        }
    }

    private static List<Long> prepare(
            Jobs jobs, String text, Path dir, double trainFraction, Tokenizer tokenizer, int chunk) throws IOException {
        Configuration hadoop = jobs.context().hadoopConfiguration();
        FileSystem source = new Path(text).getFileSystem(hadoop);
        long size = source.getFileStatus(new Path(text)).getLen();
        List<Range> chunks = ranges(text, startOfText(source, text), size, chunk);
        List<Survey> surveys = jobs.run(
                "finding the characters of a text",
                () -> jobs.context()
                        .parallelize(chunks, chunks.size())
                        .map(SparkTokenFolder::survey)
                        .collect());
        BitSet seen = new BitSet();
        surveys.forEach(survey -> seen.or(BitSet.valueOf(survey.characters)));
        Tokenizer used = tokenizer == null ? CharTokenizer.ofCharacters(seen) : tokenizer;
        if (used.vocabSize() > 1 << 16) {
            throw new MiniGptException("There are " + used.vocabSize()
                    + " tokens, but token files hold ids below 65536:" + " take a tokenizer with fewer.");
        }
        long split = splitAt(source, chunks, surveys, trainFraction);

        FileSystem target = files(dir, hadoop);
        Path parts = dir.suffix(PARTS);
        Path beside = dir.suffix(".part");
        target.delete(parts, true);
        target.delete(beside, true);
        target.mkdirs(beside);
        try {
            long train = encode(
                    jobs,
                    ranges(text, chunks.get(0).from, split, chunk),
                    used,
                    parts,
                    target,
                    new Path(beside, TokenFolder.TRAIN));
            long validation = encode(
                    jobs,
                    ranges(text, split, size, chunk),
                    used,
                    parts,
                    target,
                    new Path(beside, TokenFolder.VALIDATION));
            if (Math.min(train, validation) < 2) {
                throw new MiniGptException("A split of " + text + " has " + Math.min(train, validation)
                        + " tokens, but each split takes at least 2: give more text.");
            }
            write(target, new Path(beside, TokenFolder.INFO), TokenFolder.info(train, validation));
            write(target, new Path(beside, Tokenizers.FILE), SentModel.bytes(used));
            target.delete(dir, true);
            if (!target.rename(beside, dir)) {
                throw new IOException(beside + " can't be renamed");
            }
            return List.of(train, validation);
        } finally {
            target.delete(parts, true);
            target.delete(beside, true);
        }
    }

    /** The local one would put a checksum's file beside each. */
    private static FileSystem files(Path path, Configuration hadoop) throws IOException {
        FileSystem files = path.getFileSystem(hadoop);
        return files instanceof LocalFileSystem local ? local.getRawFileSystem() : files;
    }

    /** After the byte order mark, if there is one. */
    private static long startOfText(FileSystem files, String text) throws IOException {
        byte[] mark = new byte[3];
        try (FSDataInputStream in = files.open(new Path(text))) {
            int count = in.readNBytes(mark, 0, mark.length);
            return count == 3 && mark[0] == (byte) 0xEF && mark[1] == (byte) 0xBB && mark[2] == (byte) 0xBF ? 3 : 0;
        }
    }

    private static List<Range> ranges(String text, long begin, long end, int chunk) {
        List<Range> ranges = new ArrayList<>();
        for (long from = begin; from < end || ranges.isEmpty(); from += chunk) {
            ranges.add(new Range(ranges.size(), text, begin, from, Math.min(end, from + chunk)));
        }
        return ranges;
    }

    private static Survey survey(Range range) {
        String text = text(range.file, range.from, range.to, range.from == range.begin);
        BitSet seen = new BitSet();
        text.codePoints().forEach(seen::set);
        return new Survey(seen.toLongArray(), text.codePointCount(0, text.length()));
    }

    /** @return the byte at which what validates begins */
    private static long splitAt(FileSystem files, List<Range> chunks, List<Survey> surveys, double trainFraction)
            throws IOException {
        long count = surveys.stream().mapToLong(Survey::count).sum();
        long toTrain = (long) (trainFraction * count);
        if (Math.min(toTrain, count - toTrain) < 2) {
            throw new MiniGptException("The " + count + " characters of " + chunks.get(0).file + " leave "
                    + Math.min(toTrain, count - toTrain)
                    + " for a split, but each takes at least 2: give more text.");
        }
        int chunk = 0;
        for (; surveys.get(chunk).count <= toTrain; chunk++) {
            toTrain -= surveys.get(chunk).count;
        }
        Range range = chunks.get(chunk);
        long start = firstCharacter(files, range.file, range.from);
        String text = text(range.file, range.from, range.to, range.from == range.begin);
        return start + bytes(text, 0, text.offsetByCodePoints(0, (int) toTrain));
    }

    private static long encode(
            Jobs jobs, List<Range> ranges, Tokenizer tokenizer, Path parts, FileSystem target, Path file)
            throws IOException {
        target.mkdirs(parts);
        Broadcast<byte[]> sent = jobs.context().broadcast(SentModel.bytes(tokenizer));
        String folder = parts.toString();
        int count = ranges.size();
        List<Encoded> all = jobs.run(
                "encoding a text",
                () -> jobs.context()
                        .parallelize(ranges, ranges.size())
                        .map(range -> encode(range, count, sent.value(), folder))
                        .collect());
        sent.destroy();
        for (int i = 1; i < all.size(); i++) {
            if (all.get(i).from != all.get(i - 1).to) {
                throw new MiniGptException(ranges.get(0).file + " can't be cut near byte " + all.get(i).from
                        + " without other tokens: prepare it on one machine by minigpt prepare.");
            }
        }
        try (OutputStream out = target.create(file)) {
            for (int i = 0; i < all.size(); i++) {
                try (FSDataInputStream in = target.open(new Path(parts, name(i)))) {
                    IOUtils.copyBytes(in, out, 1 << 16, false);
                }
            }
        }
        target.delete(parts, true);
        return all.stream().mapToLong(Encoded::ids).sum();
    }

    /**
     * A range from the last place before it where the text can be cut, to the last one in it. That both neighbours take the
     * same place is checked when all are done: then all cuts are right, as the first is.
     */
    private static Encoded encode(Range range, int ranges, byte[] tokenizerFile, String folder) throws IOException {
        Tokenizer tokenizer = SentModel.tokenizer(tokenizerFile);
        long from = cutBefore(range, tokenizer);
        String text = text(range.file, from, range.to, from == range.begin);
        int cut = range.number == ranges - 1 ? text.length() : tokenizer.lastCut(text);
        int[] ids = tokenizer.encode(text.substring(0, cut));
        byte[] bytes = new byte[2 * ids.length];
        for (int i = 0; i < ids.length; i++) {
            bytes[2 * i] = (byte) ids[i];
            bytes[2 * i + 1] = (byte) (ids[i] >>> Byte.SIZE);
        }
        Path part = new Path(folder, name(range.number));
        Path own = part.suffix("-" + TaskContext.get().taskAttemptId());
        FileSystem files = files(part, SparkHadoopUtil.get().conf());
        write(files, own, bytes);
        if (!files.rename(own, part)) {
            files.delete(own, false); // another attempt has made the same
        }
        return new Encoded(from, from + bytes(text, 0, cut), ids.length);
    }

    private static long cutBefore(Range range, Tokenizer tokenizer) throws IOException {
        if (range.from == range.begin) {
            return range.from;
        }
        FileSystem files =
                new Path(range.file).getFileSystem(SparkHadoopUtil.get().conf());
        long start = firstCharacter(files, range.file, Math.max(range.begin, range.from - BEFORE));
        String before = text(range.file, start, range.from, start == range.begin);
        int cut = tokenizer.lastCut(before);
        return start + bytes(before, 0, cut);
    }

    private static int bytes(String text, int from, int to) {
        return text.substring(from, to).getBytes(UTF_8).length;
    }

    private static String name(int part) {
        return String.format(Locale.ROOT, "%08d", part);
    }

    /** @return the place of the first byte from {@code at} on that does not continue a character */
    private static long firstCharacter(FileSystem files, String file, long at) throws IOException {
        try (FSDataInputStream in = files.open(new Path(file))) {
            in.seek(at);
            long place = at;
            while (place < at + 4 && (in.read() & 0xC0) == 0x80) {
                place++;
            }
            return place;
        }
    }

    /**
     * The characters that begin in a range of bytes.
     *
     * @param first whether none is before them
     */
    private static String text(String file, long from, long to, boolean first) {
        try {
            Path path = new Path(file);
            FileSystem files = path.getFileSystem(SparkHadoopUtil.get().conf());
            long start = first ? from : firstCharacter(files, file, from);
            long size = files.getFileStatus(path).getLen();
            long end = to == size ? size : firstCharacter(files, file, to);
            byte[] bytes = new byte[Math.toIntExact(end - start) + 1];
            bytes[0] = 'x'; // for a byte order mark within the text stays
            try (FSDataInputStream in = files.open(path)) {
                in.readFully(start, bytes, 1, bytes.length - 1);
            }
            return TextFiles.readUtf8(new ByteArrayInputStream(bytes), file + ", from byte " + start + " on,")
                    .substring(1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(FileSystem files, Path file, byte[] bytes) throws IOException {
        try (OutputStream out = files.create(file)) {
            out.write(bytes);
        }
    }
}
