package org.minigpt.io;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.TensorLayout;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The {@code config.json} of a model's folder: the keys of Hugging Face's {@code GPT2Config}, and under the key
 * {@code minigpt} what they cannot say, which layers have biases, how parameters are drawn, and which layers are not
 * GPT-2's. In a file that their
 * library wrote, all layers have biases but the head: it hands the key on when it saves a model that it opened, with
 * zeros for the biases that were missing.
 *
 * <p>A model that {@code GPT2LMHeadModel} would not compute right, with a bias of the head or other layers, is of the
 * type {@code minigpt}: their library does not know it and says so, where it would else open the model without the bias, or with
 * random numbers for what it does not find.
 *
 * @param gpt the shape of the model
 * @param own whether MiniGPT wrote the file
 * @param ownBlocks whether the model's blocks are not those of the configuration, but of somebody's own
 * @param llama whether names and layout of the parameters are those of {@link Llama}, {@link TensorLayout#LLAMA}
 */
record HfConfig(GptConfig gpt, boolean own, boolean ownBlocks, boolean llama) {
    private static final String GPT2 = "gpt2";
    private static final String MINIGPT = "minigpt";
    private static final Map<String, String> MODEL_TYPES =
            Map.of(GPT2, GPT2, MINIGPT, MINIGPT, "llama", "llama", "qwen2", "qwen2", "qwen3", "qwen3");

    private static final String OWN = "minigpt";
    /** Hugging Face's library puts it in every file. */
    private static final String OTHER = "transformers_version";

    /** Of files with GPT-2's layers only; and of those with others, which programs that know no others must refuse. */
    private static final int VERSION = 1;

    private static final int VERSION_WITH_LAYERS = 2;
    /** Of those with heads of a size of their own, norms of queries and keys, or scaled angles. */
    private static final int VERSION_WITH_HEADS = 3;
    /** GPT2Config's own default; the lecture's initialisation has no such number. */
    static final double INITIALIZER_RANGE = 0.02;

    private static final double DEFAULT_EPS = 1e-5;
    private static final double DEFAULT_DROPOUT = 0.1;

    /** SwiGLU's activation too. */
    private static final String SILU = "silu";
    /** The plain feed-forwards by Hugging Face's names of their activations, some of which are others written otherwise. */
    private static final Map<String, Mlp> ACTIVATIONS = Map.of(
            "relu",
            Mlp.RELU,
            "relu2",
            Mlp.RELU2,
            "gelu",
            Mlp.GELU,
            "gelu_python",
            Mlp.GELU,
            "gelu_new",
            Mlp.GELU_TANH,
            "gelu_pytorch_tanh",
            Mlp.GELU_TANH,
            "gelu_fast",
            Mlp.GELU_TANH,
            "gelu_accurate",
            Mlp.GELU_TANH,
            SILU,
            Mlp.SILU,
            "swish",
            Mlp.SILU);

    private static final String PLAIN = "plain";
    private static final String SWIGLU = "swiglu";

    private static final ObjectWriter WRITER = new JsonMapper().writerWithDefaultPrettyPrinter();

    /**
     * @param llama as which of them the model is written; none for GPT-2's names and layout
     * @param endOfText the id of the token between texts, if there is one
     * @param eosTokenIds the tokens that end a text
     * @throws MiniGptException if the file cannot be written
     */
    static void write(Path file, Gpt gpt, Optional<Llama> llama, OptionalInt endOfText, List<Integer> eosTokenIds) {
        ObjectNode json = new JsonMapper().createObjectNode();
        llama.ifPresentOrElse(model -> model.write(json, gpt.config()), () -> writeGpt2(json, gpt));
        json.put("torch_dtype", gpt.dataType() == DataType.DOUBLE ? "float64" : "float32");
        // By default it would be 50256, beyond a small vocabulary.
        json.put("bos_token_id", endOfText.isPresent() ? Integer.valueOf(endOfText.getAsInt()) : null);
        EosTokens.write(json, eosTokenIds);
        if (llama.isEmpty()) {
            writeOwn(json.putObject(OWN), gpt.config(), gpt.hasOwnBlocks());
        }
        AtomicFiles.write(file, out -> WRITER.writeValue(out, json));
    }

    private static void writeGpt2(ObjectNode json, Gpt gpt) {
        GptConfig config = gpt.config();
        boolean gpt2 = Gpt2.isOne(gpt);
        json.put("model_type", gpt2 ? GPT2 : MINIGPT);
        json.putArray("architectures").add(gpt2 ? "GPT2LMHeadModel" : "MiniGptForCausalLM");
        json.put("activation_function", nameOf(config.mlp()));
        json.put("n_ctx", config.blockSize());
        json.put("n_positions", config.blockSize());
        json.put("n_embd", config.nEmbd());
        json.put("n_layer", config.nLayer());
        json.put("n_head", config.nHead());
        json.put("n_inner", config.nInner());
        json.put("vocab_size", config.vocabSize());
        json.put("layer_norm_epsilon", config.normEps());
        json.put("initializer_range", INITIALIZER_RANGE);
        json.put("resid_pdrop", config.dropout().resid());
        json.put("embd_pdrop", config.dropout().embd());
        json.put("attn_pdrop", config.dropout().attn());
        json.put("tie_word_embeddings", config.tiedHead());
    }

    private static void writeOwn(ObjectNode own, GptConfig config, boolean ownBlocks) {
        boolean heads = hasHeads(config);
        own.put(
                "version",
                heads ? VERSION_WITH_HEADS : config.hasLayersOfGpt2() && !ownBlocks ? VERSION : VERSION_WITH_LAYERS);
        own.put("bias", lower(config.bias()));
        own.put("initialization", lower(config.initialization()));
        if (!config.hasLayersOfGpt2() || ownBlocks) {
            own.put("norm", lower(config.norm()));
            own.put("positions", lower(config.positions().kind()));
            own.put(
                    "rope_theta",
                    config.positions() instanceof Positions.Rotary rotary
                            ? rotary.theta()
                            : Positions.Rotary.DEFAULT_THETA);
            own.put("mlp", config.mlp() == Mlp.SWIGLU ? SWIGLU : PLAIN);
            own.put("n_kv_head", config.nKvHead());
            own.put("own_blocks", ownBlocks);
        }
        if (heads) {
            own.put("head_size", config.headSize());
            own.put("qk_norm", config.qkNorm());
            if (config.positions() instanceof Positions.Rotary rotary) {
                Llama.writeScaling(own, rotary.scaling());
            }
        }
    }

    /** @return whether it tells what programs that read {@link #VERSION_WITH_LAYERS} would pass over */
    private static boolean hasHeads(GptConfig config) {
        boolean scaled = config.positions() instanceof Positions.Rotary rotary
                && !rotary.scaling().equals(RopeScaling.NONE);
        return scaled || config.qkNorm() || !config.hasUsualHeads();
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static String nameOf(Mlp mlp) {
        return switch (mlp) {
            case RELU -> "relu";
            case RELU2 -> "relu2";
            case GELU -> "gelu";
            case GELU_TANH -> "gelu_new";
            case SILU, SWIGLU -> SILU;
        };
    }

    /** @throws MiniGptException if the file can't be read, is damaged, or describes what is no {@link GptConfig} */
    static HfConfig read(Path file) {
        JsonConfig json = JsonConfig.read(file);
        // Files of GPT-2 that are older than the key have no other, and no key of another has its name.
        String type = json.has("model_type") || !json.has("n_embd") ? json.choice("model_type", MODEL_TYPES) : GPT2;
        Optional<Llama> llama = Llama.of(type);
        if (llama.isPresent()) {
            return new HfConfig(llama.get().read(json), false, false, true);
        }
        // Attention that GPT-2's own code can be told to do otherwise.
        json.requireFlag("scale_attn_weights", true);
        json.requireFlag("scale_attn_by_inverse_layer_idx", false);
        json.requireFlag("add_cross_attention", false);
        boolean own = type.equals(MINIGPT) || json.has(OWN) && !json.has(OTHER);
        GptConfig.Builder gpt = GptConfig.builder()
                .vocabSize(json.integer("vocab_size"))
                .blockSize(json.integer(json.has("n_positions") || !json.has("n_ctx") ? "n_positions" : "n_ctx"))
                .nLayer(json.integer("n_layer"))
                .nHead(json.integer("n_head"))
                .nEmbd(json.integer("n_embd"))
                .nInner(json.has("n_inner") ? json.integer("n_inner") : 0)
                .normEps(json.number("layer_norm_epsilon", DEFAULT_EPS))
                .dropout(dropout(json))
                .tiedHead(json.flag("tie_word_embeddings", true))
                .bias(Bias.ALL)
                .initialization(Initialization.NANOGPT);
        boolean ownBlocks = own && readOwn(json.object(OWN), gpt);
        GptConfig config = json.built("model", gpt::build);
        if (config.mlp() == Mlp.SWIGLU) {
            json.requireValue("activation_function", SILU);
        } else {
            gpt.mlp(json.choice("activation_function", "gelu_new", ACTIVATIONS));
            config = json.built("model", gpt::build);
        }
        return new HfConfig(config, own, ownBlocks, false);
    }

    /** @return where a model's configuration came from, for what its tensors are compared with */
    GptWeights.Origin origin() {
        return new GptWeights.Origin(
                "its config.json", ": use the config.json that was saved with it.", own, ownBlocks);
    }

    /** @return whether the model has blocks of somebody's own */
    private static boolean readOwn(JsonConfig own, GptConfig.Builder gpt) {
        int version = own.requireVersion(VERSION, VERSION_WITH_HEADS);
        gpt.bias(own.choice("bias", JsonConfig.names(Bias.values())));
        gpt.initialization(own.choice("initialization", JsonConfig.names(Initialization.values())));
        if (version >= VERSION_WITH_LAYERS) {
            gpt.norm(own.choice("norm", JsonConfig.names(Norm.values())));
            Positions.Kind kind = own.choice("positions", JsonConfig.names(Positions.Kind.values()));
            double theta = own.number("rope_theta");
            Positions positions = own.built("model", () -> Positions.of(kind, theta));
            RopeScaling scaling = Llama.readScaling(own);
            gpt.positions(positions instanceof Positions.Rotary ? new Positions.Rotary(theta, scaling) : positions);
            gpt.mlp(own.choice("mlp", Map.of(PLAIN, Mlp.RELU, SWIGLU, Mlp.SWIGLU)));
            gpt.nKvHead(own.integer("n_kv_head"));
        }
        if (version == VERSION_WITH_HEADS) {
            gpt.headSize(own.integer("head_size"));
            gpt.qkNorm(own.flag("qk_norm", false));
        }
        return own.flag("own_blocks", false);
    }

    private static DropoutRates dropout(JsonConfig json) {
        double embd = json.number("embd_pdrop", DEFAULT_DROPOUT);
        double attn = json.number("attn_pdrop", DEFAULT_DROPOUT);
        double resid = json.number("resid_pdrop", DEFAULT_DROPOUT);
        return json.built("model", () -> new DropoutRates(embd, attn, resid));
    }
}
