package org.minigpt.io;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.JoinedTensors;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorFile;
import org.minigpt.internal.tensors.TensorLayout;
import org.minigpt.internal.tensors.TorchFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A model and its tokenizer in a folder, as Hugging Face has its GPT-2: {@code model.safetensors} with the parameters,
 * {@code config.json}, {@code tokenizer.json}, and {@code tokenizer_config.json}, which only their library reads.
 *
 * <pre>{@code
 * ModelFolder.save(dir, gpt, tokenizer);
 * ModelFolder.SavedModel model = ModelFolder.load(dir);
 * INDArray logits = model.gpt().logits(new int[][] {model.tokenizer().encode("To be")}); // the same bits
 * }</pre>
 *
 * <p>Parameters bear the names of Hugging Face's GPT-2 with its head, of which {@code lm_head.bias} alone is not known
 * there: models with {@code Bias.LECTURE} or {@code Bias.ALL} and a head of its own have it. What else its
 * {@code GPT2Config} cannot say stands under the key {@code minigpt} of {@code config.json}. The tokens that end a text are
 * {@link Gpt#eosTokenIds} of the model, and {@code eos_token_id} there.
 */
public final class ModelFolder {
    /** The file of the parameters. */
    public static final String WEIGHTS = "model.safetensors";

    /** The file of the configuration. */
    public static final String CONFIG = "config.json";

    /** The file of the tokenizer. */
    public static final String TOKENIZER = Tokenizers.FILE;

    private ModelFolder() {}

    /**
     * A model with its tokenizer.
     *
     * @param gpt the model
     * @param tokenizer with as many tokens as the model's vocabulary
     */
    public record SavedModel(Gpt gpt, Tokenizer tokenizer) {}

    /**
     * Saves a model. One that the folder holds already is replaced, as a whole or, if saving fails or is cut short by a
     * crash, not at all; the folder's other files are left alone.
     *
     * @param dir the folder, made if it is not there
     * @param gpt the model; it must not be trained meanwhile
     * @param tokenizer with as many tokens as the model's vocabulary
     * @throws MiniGptException if the two do not fit each other, or the folder cannot be written
     */
    public static void save(Path dir, Gpt gpt, Tokenizer tokenizer) {
        save(dir, gpt, tokenizer, Optional.empty());
    }

    /**
     * {@link #save(Path, Gpt, Tokenizer)} with how conversations become prompts: {@code chat_template} of
     * {@code tokenizer_config.json}.
     *
     * @param chatTemplate in Jinja, as Hugging Face's library takes it
     */
    public static void save(Path dir, Gpt gpt, Tokenizer tokenizer, Optional<String> chatTemplate) {
        save(dir, gpt, tokenizer, chatTemplate, Optional.empty());
    }

    /**
     * @return the chat template of a model's folder, in Jinja: {@code chat_template} of {@code tokenizer_config.json}, or
     *     the file {@code chat_template.jinja}
     * @throws MiniGptException if a file is there and can't be read
     */
    public static Optional<String> chatTemplate(Path dir) {
        return TokenizerConfig.chatTemplate(dir);
    }

    /**
     * Saves a model for Hugging Face's library: as {@link #save}, but one with Llama's layers as its
     * {@code LlamaForCausalLM}, {@code Qwen2ForCausalLM} or {@code Qwen3ForCausalLM} if one of them computes the same. {@link #load} opens both.
     */
    public static void export(Path dir, Gpt gpt, Tokenizer tokenizer) {
        export(dir, gpt, tokenizer, Optional.empty());
    }

    /** {@link #export(Path, Gpt, Tokenizer)} with a chat template. */
    public static void export(Path dir, Gpt gpt, Tokenizer tokenizer, Optional<String> chatTemplate) {
        save(dir, gpt, tokenizer, chatTemplate, Llama.of(gpt));
    }

    private static void save(
            Path dir, Gpt gpt, Tokenizer tokenizer, Optional<String> chatTemplate, Optional<Llama> llama) {
        if (tokenizer == null) {
            throw new MiniGptException(
                    "There is no tokenizer to save the model with: give one, or save the model alone, by saveGpt.");
        }
        int vocabSize = gpt.config().vocabSize();
        if (!tokenizer.fits(vocabSize)) {
            throw new MiniGptException("The tokenizer has " + tokenizer.vocabSize()
                    + " tokens, but the model has a vocabulary of " + vocabSize
                    + ": save the model with the tokenizer it was trained with.");
        }
        AtomicFolder.write(dir, folder -> {
            List<Integer> eosTokenIds = Gpt2.eosTokenIds(gpt, tokenizer);
            writeGpt(dir, folder, gpt, llama, tokenizer.endOfText(), eosTokenIds);
            TokenizerConfig.write(folder, gpt.config().blockSize(), tokenizer, eosTokenIds, chatTemplate);
            tokenizer.save(folder.resolve(TOKENIZER));
        });
    }

    /**
     * Opens a model, in the precision in which it was saved.
     *
     * @param dir a folder that {@link #save} or {@link #export} wrote, or a Hugging Face GPT-2's, of which a head of its own
     *     gets a bias of 0
     * @return the model, with the same parameters bit for bit, and its tokenizer: {@link Tokenizers#load} says which can
     *     be read
     * @throws MiniGptException if the folder or one of its files is not there, can't be read or is damaged, or the
     *     files do not fit each other
     */
    public static SavedModel load(Path dir) {
        return load(dir, Gpt::builder);
    }

    /**
     * {@link #load(Path)} of a model that was built otherwise than from its configuration alone, with blocks of its own or
     * another op set: those are not in the folder.
     *
     * @param models begins the model as it was begun before it was saved: {@code config -> Gpt.builder(config).block(...)}
     */
    public static SavedModel load(Path dir, Function<GptConfig, Gpt.Builder> models) {
        requireFolder(dir, true);
        Path file = AtomicFolder.locate(dir, TOKENIZER);
        return load(dir, models, exists(file) ? file : dir, any -> Tokenizers.load(dir));
    }

    /**
     * {@link #load(Path, Function)} of a model with a tokenizer of one's own.
     *
     * @param tokenizers reads what {@link Tokenizer#save} wrote, such as {@code MyTokenizer::load}
     */
    public static SavedModel load(
            Path dir, Function<GptConfig, Gpt.Builder> models, Function<Path, ? extends Tokenizer> tokenizers) {
        requireFolder(dir, true);
        return load(dir, models, AtomicFolder.locate(dir, TOKENIZER), tokenizers);
    }

    /**
     * A model for generation alone, with its tokenizer.
     *
     * @param gpt the model
     * @param tokenizer with as many tokens as the model's vocabulary
     */
    public record QuantizedModel(QuantizedGpt gpt, Tokenizer tokenizer) {}

    /**
     * Opens a model for generation alone, its matrices rounded to a type while they are read.
     *
     * @throws MiniGptException as {@link #load}, or if it can't be had in that type
     */
    public static QuantizedModel loadQuantized(Path dir, WeightType weights) {
        requireFolder(dir, true);
        Path file = AtomicFolder.locate(dir, TOKENIZER);
        HfConfig config = HfConfig.read(AtomicFolder.locate(dir, CONFIG));
        Tokenizer tokenizer = tokenizer(dir, config, exists(file) ? file : dir, any -> Tokenizers.load(dir));
        List<Integer> eos = EosTokens.of(dir, config, tokenizer);
        QuantizedGpt gpt = withTensors(
                dir,
                Layout.IN_OUT,
                config,
                tensors -> GptWeights.loadQuantized(tensors, config.gpt(), config.origin(), eos, weights));
        return new QuantizedModel(gpt, tokenizer);
    }

    private static SavedModel load(
            Path dir,
            Function<GptConfig, Gpt.Builder> models,
            Path tokenizerFile,
            Function<Path, ? extends Tokenizer> tokenizers) {
        HfConfig config = HfConfig.read(AtomicFolder.locate(dir, CONFIG));
        Tokenizer tokenizer = tokenizer(dir, config, tokenizerFile, tokenizers);
        return new SavedModel(loadGpt(dir, Layout.IN_OUT, config, tokenizer, models), tokenizer);
    }

    private static Tokenizer tokenizer(
            Path dir, HfConfig config, Path tokenizerFile, Function<Path, ? extends Tokenizer> tokenizers) {
        Tokenizer[] read = new Tokenizer[1];
        // ND4J takes as long to load as a tokenizer of 50,000 tokens does.
        Workers.runAll(List.of(() -> read[0] = tokenizers.apply(tokenizerFile), MiniGptRuntime::install));
        Tokenizer tokenizer = read[0];
        int vocabSize = config.gpt().vocabSize();
        if (!tokenizer.fits(vocabSize)) {
            throw new MiniGptException(tokenizerFile + " has " + tokenizer.vocabSize() + " tokens, but the model of "
                    + AtomicFolder.locate(dir, CONFIG) + " has a vocabulary of " + vocabSize
                    + ": use the tokenizer.json that was saved with the model.");
        }
        return tokenizer;
    }

    /** How linear weights lie in a file. */
    public enum Layout {
        /** [in,out], as in Hugging Face's GPT-2 and in what {@link #save} writes. */
        IN_OUT,
        /** [out,in], PyTorch's own: checkpoints of nanoGPT and minGPT. */
        OUT_IN
    }

    /** {@link #loadGpt(Path, Layout)} of a folder in Hugging Face's layout. */
    public static Gpt loadGpt(Path dir) {
        return loadGpt(dir, Layout.IN_OUT);
    }

    /**
     * Opens a model without its tokenizer: {@code config.json} and {@code model.safetensors}, or PyTorch's
     * {@code pytorch_model.bin}, or several such files with an index, {@code model.safetensors.index.json} or
     * {@code pytorch_model.bin.index.json}. Values in F16 and BF16 become FLOAT.
     *
     * @param dir a folder of Hugging Face's GPT-2, of nanoGPT or minGPT, or one that {@link #save} wrote
     * @throws MiniGptException as {@link #load}
     */
    public static Gpt loadGpt(Path dir, Layout layout) {
        requireFolder(dir, false);
        return loadGpt(dir, layout, HfConfig.read(AtomicFolder.locate(dir, CONFIG)), null, Gpt::builder);
    }

    private static Gpt loadGpt(
            Path dir, Layout layout, HfConfig config, Tokenizer tokenizer, Function<GptConfig, Gpt.Builder> models) {
        List<Integer> eos = EosTokens.of(dir, config, tokenizer);
        return withTensors(
                dir,
                layout,
                config,
                weights -> GptWeights.load(
                        weights,
                        config.gpt(),
                        config.origin(),
                        shape -> models.apply(shape).eosTokenIds(eos)));
    }

    private static <M> M withTensors(Path dir, Layout layout, HfConfig config, Function<TensorFile, M> loader) {
        try (StoredTensors file = weights(dir)) {
            TensorFile weights = file;
            if (config.llama()) {
                weights = TensorLayout.LLAMA.read(file, config.gpt());
            } else if (layout == Layout.OUT_IN) {
                weights = JoinedTensors.ofOutIn(file);
            }
            return loader.apply(weights);
        }
    }

    private static StoredTensors weights(Path dir) {
        Container container = Container.in(dir).orElse(Container.SAFETENSORS); // which will say what is wrong
        return container.open(AtomicFolder.locate(dir, container.file));
    }

    /** The files of a folder's parameters, of which the first that is there counts. */
    private enum Container {
        SAFETENSORS(WEIGHTS, SafetensorsReader::open),
        SHARDED_SAFETENSORS(WEIGHTS + ".index.json", index -> ShardedTensors.open(index, SafetensorsReader::open)),
        PYTORCH("pytorch_model.bin", TorchFile::open),
        SHARDED_PYTORCH("pytorch_model.bin.index.json", index -> ShardedTensors.open(index, TorchFile::open));

        private final String file;
        private final Function<Path, StoredTensors> opener;

        Container(String file, Function<Path, StoredTensors> opener) {
            this.file = file;
            this.opener = opener;
        }

        static Optional<Container> in(Path dir) {
            return Stream.of(values())
                    .filter(container -> exists(AtomicFolder.locate(dir, container.file)))
                    .findFirst();
        }

        StoredTensors open(Path path) {
            return opener.apply(path);
        }
    }

    /**
     * Saves a model without a tokenizer, for {@link #loadGpt}.
     *
     * @throws MiniGptException if the folder has a tokenizer, which may be another model's, or can't be written
     */
    public static void saveGpt(Path dir, Gpt gpt) {
        saveGpt(dir, gpt, Optional.empty());
    }

    /** {@link #export} without a tokenizer, which the folder must not have either. */
    public static void exportGpt(Path dir, Gpt gpt) {
        saveGpt(dir, gpt, Llama.of(gpt));
    }

    private static void saveGpt(Path dir, Gpt gpt, Optional<Llama> llama) {
        if (Tokenizers.isIn(dir)) {
            throw new MiniGptException(
                    dir + " has a tokenizer already, which may not fit the model: choose another folder.");
        }
        AtomicFolder.write(dir, folder -> writeGpt(dir, folder, gpt, llama, OptionalInt.empty(), gpt.eosTokenIds()));
    }

    private static void writeGpt(
            Path dir, Path folder, Gpt gpt, Optional<Llama> llama, OptionalInt endOfText, List<Integer> eosTokenIds) {
        Map<String, INDArray> parameters = llama.isPresent() ? TensorLayout.LLAMA.parameters(gpt) : gpt.parameters();
        Safetensors.write(folder.resolve(WEIGHTS), parameters, Map.of("format", "pt"));
        HfConfig.write(folder.resolve(CONFIG), gpt, llama, endOfText, eosTokenIds);
        EosTokens.replaceGenerationConfig(dir, folder, eosTokenIds);
    }

    private static void requireFolder(Path dir, boolean withTokenizer) {
        if (!exists(dir)) {
            throw new MiniGptException("There is no folder " + dir + ": check the path, or train a model first.");
        }
        List<String> needed = withTokenizer ? List.of(WEIGHTS, CONFIG, TOKENIZER) : List.of(WEIGHTS, CONFIG);
        String files = String.join(", ", needed);
        if (!Files.isDirectory(dir)) {
            throw new MiniGptException(
                    dir + " is a file, not a model's folder: give the folder that holds " + files + ".");
        }
        List<String> missing = new ArrayList<>(needed);
        missing.removeIf(name -> exists(AtomicFolder.locate(dir, name))
                || name.equals(WEIGHTS) && Container.in(dir).isPresent()
                || name.equals(TOKENIZER) && Tokenizers.isIn(dir));
        if (!missing.isEmpty()) {
            String instead = missing.contains(WEIGHTS) ? ForeignWeights.in(dir).orElse("") : "";
            throw new MiniGptException(dir + " is not a model's folder, it has no " + String.join(" and no ", missing)
                    + instead + ": give the folder that holds " + files + ".");
        }
    }

    /** Unlike {@link Files#exists}, tells what is not there from what may not be seen. */
    private static boolean exists(Path path) {
        try {
            Files.readAttributes(path, BasicFileAttributes.class);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (AccessDeniedException e) {
            throw new MiniGptException(path + " cannot be read: check its permissions and its folder's.", e);
        } catch (IOException e) {
            throw new MiniGptException(path + " cannot be read (" + e + "): check the path.", e);
        }
    }
}
