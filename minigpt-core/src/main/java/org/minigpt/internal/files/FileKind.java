package org.minigpt.internal.files;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.minigpt.MiniGptException;

/** What a file is by its first bytes, for readers that want another. */
public enum FileKind {
    GIT_LFS_POINTER(
            "Git LFS",
            "a pointer of Git LFS, not the file itself: get that with git lfs pull where the repository was cloned, or"
                    + " download it"),
    WEB_PAGE("HTML", "a web page, as a download leaves it that went wrong: download the file itself"),
    GGUF("GGUF", "a GGUF file: import it as a model, in the format gguf"),
    SAFETENSORS("safetensors", "a safetensors file: import the folder of the model, in the format hf or nanogpt"),
    LLMC("llm.c", "a checkpoint of llm.c: import it as a model, in the format llmc"),
    ZIP("PyTorch", "a ZIP archive, as PyTorch's checkpoints are: import it as a model, in the format pytorch"),
    PICKLE("PyTorch", "a pickle, as PyTorch's older checkpoints are: import it as a model, in the format pytorch"),
    GZIP("gzip", "compressed with gzip: unpack it"),
    HDF5("HDF5", "an HDF5 file, as TensorFlow's checkpoints are: save its tensors as safetensors");

    /** How much of a file tells what it is. */
    public static final int BYTES = 64;

    private static final String POINTER = "version https://git-lfs.github.com/spec/";

    private final String format;
    private final String description;

    FileKind(String format, String description) {
        this.format = format;
        this.description = description;
    }

    /**
     * @param file its path, or a name for it
     * @return the sentence that it is this, and what to do
     */
    public MiniGptException refused(Object file) {
        return new MiniGptException(file + " is " + description + ".");
    }

    /**
     * @param beginning of a file, as much of {@link #BYTES} as it has
     * @return what it is, if that is one of these
     */
    public static Optional<FileKind> of(byte[] beginning) {
        String text = new String(beginning, 0, Math.min(beginning.length, BYTES), ISO_8859_1);
        String stripped = text.strip().toLowerCase(Locale.ROOT);
        if (text.startsWith(POINTER)) {
            return Optional.of(GIT_LFS_POINTER);
        }
        if (stripped.startsWith("<!doctype html") || stripped.startsWith("<html")) {
            return Optional.of(WEB_PAGE);
        }
        if (text.startsWith("GGUF")) {
            return Optional.of(GGUF);
        }
        if (text.startsWith("\0\0\0{", 5)) { // the length of a header, and its beginning
            return Optional.of(SAFETENSORS);
        }
        if (text.startsWith("\u00c6\u00d74\1")) {
            return Optional.of(LLMC);
        }
        if (text.startsWith("PK\3\4")) {
            return Optional.of(ZIP);
        }
        // Protocols 2 to 5, and an instruction.
        if (text.length() > 2 && text.charAt(0) == 0x80 && "\2\3\4\5".indexOf(text.charAt(1)) >= 0) {
            return Optional.of(PICKLE);
        }
        if (text.startsWith("\u001f\u008b")) {
            return Optional.of(GZIP);
        }
        return text.startsWith("\u0089HDF") ? Optional.of(HDF5) : Optional.empty();
    }

    /** @return what a file is, if it can be read, is a regular one and one of these */
    public static Optional<FileKind> of(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try (InputStream in = Files.newInputStream(file)) {
            return of(in.readNBytes(BYTES));
        } catch (IOException e) {
            return Optional.empty(); // its reader will say why
        }
    }

    /**
     * @param wanted the format of the file, such as {@code safetensors}, or one that is none of these
     * @throws MiniGptException if the file is one of another format that is known
     */
    public static void require(Path file, String wanted) {
        of(file).filter(kind -> !kind.format.equals(wanted)).ifPresent(kind -> {
            throw kind.refused(file);
        });
    }
}
