package org.minigpt.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.function.LongConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.files.FolderKind;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

/**
 * A text as token files, which may be larger than memory: {@code train.bin} and {@code val.bin} as nanoGPT's
 * {@code prepare.py} makes them, see {@link Tokens#ofFile}, with the {@code tokenizer.json} that made them beside.
 *
 * <pre>{@code
 * TokenFolder.prepare(Path.of("input.txt"), Path.of("tokens"), 0.9, bytesRead -> {});
 * TokenFolder.Opened opened = TokenFolder.open(Path.of("tokens"));
 * new Trainer(gpt, opened.data(), config).run();
 * }</pre>
 *
 * <p>nanoGPT's own folders open too: without a {@code tokenizer.json} but with a {@code meta.pkl}, the ids are those of the
 * characters in that, as its {@code shakespeare_char/prepare.py} has it, and an {@code input.txt} must be the text of the
 * files. And llm.c's files do, under these names.
 */
public final class TokenFolder {
    /** The file of the ids to train on. */
    public static final String TRAIN = "train.bin";

    /** The file of the ids to validate on. */
    public static final String VALIDATION = "val.bin";

    /** How long the files are, for else one that was cut short could not be told from one that is shorter. */
    public static final String INFO = "tokens.json";

    private static final int MAX_VOCABULARY = 1 << 16;
    private static final JsonMapper JSON = new JsonMapper();

    private TokenFolder() {}

    /**
     * What a folder holds.
     *
     * @param data both splits, in their files
     * @param tokenizer the one that made them
     */
    public record Opened(TokenDataset data, Tokenizer tokenizer) {}

    /** @return whether there is a {@code train.bin} in it, as a folder of token files has */
    public static boolean isOne(Path dir) {
        return Files.exists(AtomicFolder.locate(dir, TRAIN));
    }

    /**
     * Opens a folder. Ids are checked when they are read.
     *
     * @throws MiniGptException if a file is missing, damaged or truncated
     */
    public static Opened open(Path dir) {
        requireFiles(dir);
        if (!Tokenizers.isIn(dir)) {
            throw new MiniGptException(dir + " has token files, but no " + Tokenizers.FILE
                    + ": put the tokenizer there that made them, or make the folder with minigpt prepare.");
        }
        Opened opened = open(dir, Tokenizers.load(dir));
        boolean ofMeta = !Files.exists(AtomicFolder.locate(dir, Tokenizers.FILE));
        if (ofMeta && opened.tokenizer instanceof CharTokenizer characters) {
            NanoGptFolder.requireSameText(dir, characters, opened.data);
        }
        return opened;
    }

    /**
     * {@link #open(Path)} of a folder without a tokenizer, or with one of one's own kind.
     *
     * @param tokenizer the one that made the files
     */
    public static Opened open(Path dir, Tokenizer tokenizer) {
        requireFiles(dir);
        Tokens train = Tokens.ofFile(AtomicFolder.locate(dir, TRAIN), tokenizer.vocabSize());
        Tokens validation = Tokens.ofFile(AtomicFolder.locate(dir, VALIDATION), tokenizer.vocabSize());
        Path info = AtomicFolder.locate(dir, INFO);
        if (Files.exists(info)) {
            JsonNode lengths = lengths(info);
            requireLength(dir, TRAIN, train, lengths);
            requireLength(dir, VALIDATION, validation, lengths);
        }
        return new Opened(new TokenDataset(train, validation), tokenizer);
    }

    private static void requireFiles(Path dir) {
        for (String name : new String[] {TRAIN, VALIDATION}) {
            if (!Files.exists(AtomicFolder.locate(dir, name))) {
                throw new MiniGptException(dir + " has no " + name
                        + ": give a text file, or a folder of token files that minigpt prepare or nanoGPT made.");
            }
        }
    }

    private static JsonNode lengths(Path info) {
        try {
            return JSON.readTree(TextFiles.readUtf8(info));
        } catch (JsonProcessingException e) {
            throw new MiniGptException(info + " is damaged: make the folder again with minigpt prepare.", e);
        }
    }

    private static void requireLength(Path dir, String name, Tokens tokens, JsonNode lengths) {
        long expected = lengths.path(name).asLong(-1);
        if (tokens.length() != expected) {
            throw new MiniGptException(AtomicFolder.locate(dir, name) + " has " + tokens.length() + " tokens, but "
                    + INFO + " says " + expected + ": it is truncated or from another text; make the folder again with"
                    + " minigpt prepare.");
        }
    }

    /** {@link #prepare(Path, Path, double, Tokenizer, LongConsumer)} with a tokenizer of the text's own characters. */
    public static Opened prepare(Path text, Path dir, double trainFraction, LongConsumer bytesRead) {
        return prepare(text, dir, trainFraction, null, bytesRead);
    }

    /**
     * Makes a folder of token files from a text of any length, in two passes: its characters, then the ids. The text is
     * never in memory as a whole, if the tokenizer can cut it. The first {@code floor(trainFraction * n)} of n characters
     * train, the rest validates; they are encoded as two texts.
     *
     * @param text a UTF-8 file
     * @param dir the folder; token files that are there are replaced when all is done
     * @param trainFraction between 0 and 1
     * @param tokenizer of at most 65,536 tokens; null for one of the text's characters
     * @param bytesRead hears of the bytes read so far, of twice as many as the file has
     * @return the folder, opened
     * @throws MiniGptException if the text is no text, has more different characters, or some that are unknown to the
     *     tokenizer, is too short, or changes meanwhile; or the folder can't be written
     */
    public static Opened prepare(
            Path text, Path dir, double trainFraction, Tokenizer tokenizer, LongConsumer bytesRead) {
        TokenDataset.requireFraction(trainFraction);
        if (tokenizer != null && tokenizer.vocabSize() > MAX_VOCABULARY) {
            throw new MiniGptException("The tokenizer has " + tokenizer.vocabSize()
                    + " tokens, but token files hold ids" + " below " + MAX_VOCABULARY + ": take one with fewer.");
        }
        FolderKind.TOKEN_FILES.requireRoom(dir);
        Survey survey = survey(text, bytesRead);
        if (tokenizer == null && survey.seen.cardinality() > MAX_VOCABULARY) {
            throw new MiniGptException(text + " has " + survey.seen.cardinality() + " different characters, but token"
                    + " files hold ids below " + MAX_VOCABULARY + ": give a text with fewer.");
        }
        Tokenizer used = tokenizer == null ? CharTokenizer.ofCharacters(survey.seen) : tokenizer;
        long toTrain = (long) (trainFraction * survey.count);
        requireSplits(text, survey.count, toTrain, trainFraction);
        AtomicFolder.write(dir, folder -> {
            try (TokenWriter train = TokenWriter.create(folder.resolve(TRAIN));
                    TokenWriter validation = TokenWriter.create(folder.resolve(VALIDATION))) {
                TextEncoder first = new TextEncoder(text, 0, used, train);
                TextEncoder second = new TextEncoder(text, toTrain, used, validation);
                TextFiles.readPieces(text, (piece, bytes) -> {
                    if (tokenizer == null) {
                        requireKnown(text, survey, piece);
                    }
                    long left = Math.min(toTrain - first.characters(), piece.length());
                    int cut = (int) Math.min(left, piece.codePointCount(0, piece.length()));
                    int at = piece.offsetByCodePoints(0, cut);
                    first.add(piece.substring(0, at));
                    second.add(piece.substring(at));
                    bytesRead.accept(survey.bytes + bytes);
                });
                first.finish();
                second.finish();
                if (first.characters() + second.characters() != survey.count) {
                    throw changed(text);
                }
                requireTokens(text, train, validation);
                Files.write(folder.resolve(INFO), info(train.count(), validation.count()));
            }
            used.save(folder.resolve(Tokenizers.FILE));
        });
        return open(dir, used);
    }

    /**
     * What {@link #INFO} holds.
     *
     * @param train the ids in {@link #TRAIN}
     * @param validation the ids in {@link #VALIDATION}
     */
    public static byte[] info(long train, long validation) {
        ObjectNode lengths = JSON.createObjectNode();
        lengths.put(TRAIN, train);
        lengths.put(VALIDATION, validation);
        return lengths.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** What the first pass finds. */
    private static final class Survey {
        private final BitSet seen = new BitSet();
        private long count;
        private long bytes;
    }

    private static Survey survey(Path text, LongConsumer bytesRead) {
        Survey survey = new Survey();
        try {
            TextFiles.readPieces(text, (piece, bytes) -> {
                for (int i = 0; i < piece.length(); survey.count++) {
                    int character = piece.codePointAt(i);
                    survey.seen.set(character);
                    i += Character.charCount(character);
                }
                survey.bytes = bytes;
                bytesRead.accept(bytes);
            });
        } catch (IOException e) {
            throw new MiniGptException(text + " cannot be read (" + e + "): check the file.", e);
        }
        return survey;
    }

    private static void requireKnown(Path text, Survey survey, String piece) {
        if (!piece.codePoints().allMatch(survey.seen::get)) {
            throw changed(text);
        }
    }

    private static void requireSplits(Path text, long count, long trainLength, double trainFraction) {
        for (TokenDataset.Split split : TokenDataset.Split.values()) {
            long length = split == TokenDataset.Split.TRAIN ? trainLength : count - trainLength;
            if (length < 2) {
                throw new MiniGptException("The " + count + " characters of " + text + " leave " + length + " for the "
                        + split + " split at a train fraction of " + trainFraction
                        + ", but each split takes at least 2: give more text.");
            }
        }
    }

    private static void requireTokens(Path text, TokenWriter train, TokenWriter validation) {
        long least = Math.min(train.count(), validation.count());
        if (least < 2) {
            throw new MiniGptException("A split of " + text + " has " + least
                    + " tokens, but each split takes at least 2: give more text.");
        }
    }

    private static MiniGptException changed(Path text) {
        return new MiniGptException(text + " changed while it was read: leave it alone, and prepare it again.");
    }
}
