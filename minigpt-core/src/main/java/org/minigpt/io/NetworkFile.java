package org.minigpt.io;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.util.ModelSerializer;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

/**
 * A network of DL4J's and its tokenizer in one file: what {@link ModelSerializer} writes, with {@code tokenizer.json}
 * beside its entries. So {@code ModelSerializer.restoreMultiLayerNetwork} and its kind open it too, wherever minigpt-core
 * is on the class path.
 *
 * <pre>{@code
 * NetworkFile.save(file, network, tokenizer);
 * NetworkFile.SavedNetwork saved = NetworkFile.load(file);
 * }</pre>
 */
public final class NetworkFile {
    private static final String CONFIGURATION = "configuration.json";
    private static final String CLASS = "@class";
    private static final JsonMapper MAPPER = new JsonMapper();

    private NetworkFile() {}

    /**
     * A network with its tokenizer.
     *
     * @param network a MultiLayerNetwork or ComputationGraph
     */
    public record SavedNetwork(Model network, Tokenizer tokenizer) {}

    /**
     * Saves a network with the state of its updater; a file that is there is replaced, as a whole or not at all.
     *
     * @throws MiniGptException if the file can't be written
     */
    public static void save(Path file, Model network, Tokenizer tokenizer) {
        try {
            ByteArrayOutputStream model = new ByteArrayOutputStream();
            ModelSerializer.writeModel(network, model, true);
            Path vocabulary = Files.createTempFile("minigpt", ".json");
            try {
                tokenizer.save(vocabulary);
                AtomicFiles.write(file, out -> {
                    ZipOutputStream zip = new ZipOutputStream(out);
                    ZipInputStream entries = new ZipInputStream(new ByteArrayInputStream(model.toByteArray()));
                    for (ZipEntry entry = entries.getNextEntry(); entry != null; entry = entries.getNextEntry()) {
                        zip.putNextEntry(new ZipEntry(entry.getName()));
                        entries.transferTo(zip);
                    }
                    zip.putNextEntry(new ZipEntry(ModelFolder.TOKENIZER));
                    Files.copy(vocabulary, zip);
                    zip.finish();
                });
            } finally {
                Files.deleteIfExists(vocabulary);
            }
        } catch (IOException e) {
            throw new MiniGptException(file + " cannot be written (" + e + "): check the path and the free space.", e);
        }
    }

    /**
     * Opens a network with the state of its updater.
     *
     * @throws MiniGptException if the file is not there, is no network with a tokenizer, holds layers that this
     *     library has not, or a Java object
     */
    public static SavedNetwork load(Path file) {
        return load(file, Tokenizers::load);
    }

    /**
     * {@link #load(Path)} of a network with a tokenizer of one's own.
     *
     * @param tokenizers reads what {@link Tokenizer#save} wrote, such as {@code MyTokenizer::load}
     */
    public static SavedNetwork load(Path file, Function<Path, ? extends Tokenizer> tokenizers) {
        if (!Files.isRegularFile(file)) {
            throw new MiniGptException("There is no file " + file + ": check the path, or save a network first.");
        }
        MiniGptRuntime.install(); // which says what is missing where ND4J would not
        requireNoObjects(file);
        try (ZipFile zip = new ZipFile(file.toFile())) {
            JsonNode configuration = MAPPER.readTree(read(file, zip, CONFIGURATION));
            requireClasses(file, configuration);
            Tokenizer tokenizer = tokenizer(file, read(file, zip, ModelFolder.TOKENIZER), tokenizers);
            boolean graph = configuration.has("vertices");
            // DL4J would put the parameters into a workspace that is open.
            Model network = Workspaces.outside(() -> restore(file, graph));
            return new SavedNetwork(network, tokenizer);
        } catch (IOException | UncheckedIOException e) {
            throw damaged(file, e);
        }
    }

    /** DL4J reads the entries one after the other, so that a list of them would not tell all that it finds. */
    private static void requireNoObjects(Path file) {
        try (ZipInputStream entries = new ZipInputStream(Files.newInputStream(file))) {
            for (ZipEntry entry = entries.getNextEntry(); entry != null; entry = entries.getNextEntry()) {
                if (entry.getName().equals(ModelSerializer.PREPROCESSOR_BIN)) {
                    throw new MiniGptException(
                            file + " has a " + ModelSerializer.PREPROCESSOR_BIN
                                    + " in it, a Java object that to read is to run: save the network without its preprocessor.");
                }
            }
        } catch (IOException e) {
            throw damaged(file, e);
        }
    }

    private static MiniGptException damaged(Path file, Exception e) {
        return new MiniGptException(
                file + " is not a saved network, or is damaged (" + e.getMessage()
                        + "): give a file that NetworkFile.save wrote.",
                e);
    }

    private static Model restore(Path file, boolean graph) {
        try {
            return graph
                    ? ModelSerializer.restoreComputationGraph(file.toFile())
                    : ModelSerializer.restoreMultiLayerNetwork(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static byte[] read(Path file, ZipFile zip, String name) throws IOException {
        ZipEntry entry = zip.getEntry(name);
        if (entry == null) {
            throw new MiniGptException(file + " has no " + name + " in it: give a file that NetworkFile.save wrote.");
        }
        return zip.getInputStream(entry).readAllBytes();
    }

    private static Tokenizer tokenizer(Path file, byte[] json, Function<Path, ? extends Tokenizer> tokenizers)
            throws IOException {
        Path vocabulary = Files.createTempFile("minigpt", ".json");
        try {
            Files.write(vocabulary, json);
            return tokenizers.apply(vocabulary);
        } catch (MiniGptException e) {
            throw new MiniGptException("The tokenizer in " + file + " can't be read: save the network again.", e);
        } finally {
            Files.deleteIfExists(vocabulary);
        }
    }

    private static void requireClasses(Path file, JsonNode configuration) {
        for (JsonNode name : configuration.findValues(CLASS)) {
            try {
                Class.forName(name.asText(), false, NetworkFile.class.getClassLoader());
            } catch (ClassNotFoundException e) {
                throw new MiniGptException(
                        file + " holds " + name.asText()
                                + ", which is not on the class path: add the library that has it,"
                                + " in the version that saved the network or a newer one.",
                        e);
            }
        }
    }
}
