package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.files.FileKind;
import org.minigpt.text.bpe.BpeTokenizer;

/** Reads tokenizers of any kind that this library has. */
public final class Tokenizers {
    /** The file of a tokenizer in a model's folder. */
    public static final String FILE = "tokenizer.json";

    private Tokenizers() {}

    /**
     * Reads a tokenizer.
     *
     * @param path a {@code tokenizer.json} that {@link Tokenizer#save} wrote, or Hugging Face's with a model of BPE; GPT-2's
     *     {@code vocab.json} with {@code merges.txt} beside, or {@code encoder.json} with {@code vocab.bpe}; tiktoken's
     *     {@code r50k_base}, {@code p50k_base}, {@code cl100k_base} or {@code o200k_base}; SentencePiece's
     *     {@code tokenizer.model} of BPE; nanoGPT's {@code meta.pkl}; llama2.c's {@code tokenizer.bin}; or a folder that has
     *     one of the others than tiktoken's and the last
     * @throws MiniGptException if it is not there, can't be read, is damaged, or another type of tokenizer
     */
    public static Tokenizer load(Path path) {
        if (Files.isDirectory(path)) {
            return ofFolder(path);
        }
        String name = String.valueOf(path.getFileName());
        if (name.endsWith(".pkl")) {
            return MetaFile.read(path);
        }
        FileKind.require(path, "tokenizer");
        if (TiktokenFile.isOne(path)) {
            return TiktokenFile.read(path);
        }
        Path dir = path.toAbsolutePath().getParent();
        String merges = Gpt2Files.PAIRS.getOrDefault(name, "");
        // One of another name may be no vocabulary.
        if (name.equals(Gpt2Files.VOCABULARY) || !merges.isEmpty() && exists(dir, merges)) {
            return Gpt2Files.read(dir, name);
        }
        if (SentencePieceFile.isOne(path)) {
            return SentencePieceFile.read(path);
        }
        return name.endsWith(Llama2cTokenizerFile.SUFFIX) ? Llama2cTokenizerFile.read(path) : read(path);
    }

    /** @return whether {@link #load} finds the file of a tokenizer in a folder */
    public static boolean isIn(Path dir) {
        return exists(dir, FILE)
                || exists(dir, SentencePieceFile.NAME)
                || Gpt2Files.in(dir).isPresent()
                || exists(dir, MetaFile.NAME);
    }

    /**
     * Writes a tokenizer of byte-level BPE as Hugging Face's {@code tokenizer.json}, as its own
     * {@link BpeTokenizer#save} does.
     *
     * @throws MiniGptException if it can't be written
     */
    public static void save(Path file, BpeTokenizer tokenizer) {
        BpeTokenizerFile.write(file, tokenizer);
    }

    /**
     * Writes a tokenizer as {@code vocab.json} and {@code merges.txt}, as GPT-2's own code and older tools read it.
     *
     * @param dir the folder, made if it is not there; files of these names are replaced
     * @throws MiniGptException if it can't be written
     */
    public static void saveAsGpt2Files(Path dir, BpeTokenizer tokenizer) {
        Gpt2Files.write(dir, tokenizer);
    }

    private static Tokenizer ofFolder(Path dir) {
        if (!isIn(dir)) {
            throw new MiniGptException(dir + " has no tokenizer, neither " + FILE + " nor " + SentencePieceFile.NAME
                    + " nor " + Gpt2Files.VOCABULARY + " with " + Gpt2Files.MERGES
                    + ": give the folder or the file of one.");
        }
        if (exists(dir, FILE)) {
            return read(AtomicFolder.locate(dir, FILE));
        }
        Optional<String> vocabulary = Gpt2Files.in(dir);
        if (vocabulary.isPresent()) {
            return Gpt2Files.read(dir, vocabulary.get());
        }
        return exists(dir, SentencePieceFile.NAME)
                ? SentencePieceFile.read(AtomicFolder.locate(dir, SentencePieceFile.NAME))
                : MetaFile.read(dir.resolve(MetaFile.NAME));
    }

    private static boolean exists(Path dir, String name) {
        return Files.exists(AtomicFolder.locate(dir, name));
    }

    /** @return whether these are tokens with their ids, of which 0 is always one */
    private static boolean isVocabulary(JsonNode root) {
        return root.properties().stream().allMatch(token -> token.getValue().isInt())
                && root.properties().stream().anyMatch(token -> token.getValue().intValue() == 0);
    }

    private static Tokenizer read(Path file) {
        JsonNode root = HfTokenizerFile.read(file);
        if (IdTokenizer.isOne(root)) {
            return IdTokenizer.read(file, root);
        }
        if (isVocabulary(root)) {
            throw new MiniGptException(file + " is a vocabulary without its merges: call it " + Gpt2Files.VOCABULARY
                    + ", and put its " + Gpt2Files.MERGES + " beside it.");
        }
        if (!root.has("model")) {
            return CharTokenizer.of(CharTokenizerFile.readFormer(file, root));
        }
        if (CharTokenizerFile.isWords(root)) {
            return CharTokenizerFile.readWords(file, root);
        }
        if (BpeTokenizerFile.isOne(root)) {
            return BpeTokenizerFile.read(file, root);
        }
        throw HfTokenizerFile.unsupported(
                file, "model.type", root.path("model").path("type"), "BPE and vocabularies of characters");
    }
}
