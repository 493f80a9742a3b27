package org.minigpt.files;

import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.MiniGptException;

/**
 * What a folder is by its files. Several kinds have a {@code tokenizer.json}, so that one saved in the place of another would
 * leave the other's ids without their tokens.
 */
public enum FolderKind {
    /** Nothing that this library knows: empty, or with other files, or not there. */
    OTHER("a folder of other files"),
    /** Of this library or Hugging Face's. */
    MODEL("a model's folder"),
    /** An adapter to a model. */
    ADAPTER("an adapter's folder"),
    /** A checkpoint of a run: a model with the state of its training. */
    CHECKPOINT("a checkpoint of a run"),
    /** A text as ids. */
    TOKEN_FILES("a folder of token files"),
    /** What nanoGPT's {@code prepare.py} made. */
    NANOGPT_DATA("a data folder of nanoGPT's"),
    /** A tokenizer and nothing else. */
    TOKENIZER("a tokenizer's folder");

    private final String name;

    FolderKind(String name) {
        this.name = name;
    }

    /** @return the kind of a folder */
    public static FolderKind of(Path dir) {
        boolean ofTokens = has(dir, "train.bin", "val.bin");
        if (has(dir, "state.json")) {
            return CHECKPOINT;
        }
        if (has(dir, "meta.pkl") && !has(dir, "tokens.json")) {
            return NANOGPT_DATA;
        }
        if (ofTokens) {
            return TOKEN_FILES;
        }
        if (has(dir, "config.json", "model.safetensors")) {
            return MODEL;
        }
        if (has(dir, "adapter_config.json")) {
            return ADAPTER;
        }
        boolean tokenizer = has(dir, "tokenizer.json") || has(dir, "vocab.json") && has(dir, "merges.txt");
        return tokenizer ? TOKENIZER : OTHER;
    }

    private static boolean has(Path dir, String... names) {
        for (String name : names) {
            if (Files.exists(AtomicFolder.locate(dir, name))) {
                return true;
            }
        }
        return false;
    }

    /**
     * Checks that what is of this kind may be saved to a folder, replacing one of the same kind.
     *
     * @throws MiniGptException if the folder is of another kind
     */
    public void requireRoom(Path dir) {
        FolderKind there = of(dir);
        if (there != OTHER && there != this) {
            throw new MiniGptException(dir + " is " + there.name
                    + ", which what is to be saved there would spoil: choose another folder.");
        }
    }
}
