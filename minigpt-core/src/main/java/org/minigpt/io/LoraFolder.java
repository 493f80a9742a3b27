package org.minigpt.io;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A {@link Lora} adapter in a folder, as Hugging Face's PEFT has it: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}, where A is [r,in] and B [out,r], the weights of two PyTorch linear layers, under names
 * such as {@code base_model.model.transformer.h.0.attn.c_attn.lora_A.weight}, or, of a layer of Llama's, {@code
 * base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight}.
 */
public final class LoraFolder {
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";
    private static final String LLAMAS = "(?:q|k|v|o|gate|up|down)_proj";
    private static final Pattern OF_LLAMA = Pattern.compile("h\\.(\\d+)\\.(attn|mlp)\\.(" + LLAMAS + "\\..*)");
    /** The names of Hugging Face's Llama, without a head too. */
    private static final Pattern IN_LLAMA = Pattern.compile("(?:model\\.)?layers\\.(\\d+)\\.(self_)?(attn|mlp)\\.(.*)");

    private static final String REMEDY = ": use the adapter that was saved for this model.";
    /** Others than those change the weights of the model that the adapter is for, or are of none that can be told. */
    private static final Set<String> KEEPING_THE_MODEL = Set.of("true", "gaussian", "orthogonal");
    /** The keys that are read, and those that tell what the adapter was trained with or numbers of what is not used. */
    private static final Set<String> KEYS = Set.of(
            "peft_type",
            "r",
            "lora_alpha",
            "target_modules",
            "fan_in_fan_out",
            "bias",
            "init_lora_weights",
            "lora_dropout",
            "task_type",
            "inference_mode",
            "base_model_name_or_path",
            "revision",
            "auto_mapping",
            "peft_version",
            "megatron_core",
            "qalora_group_size",
            "loftq_config",
            "eva_config",
            "corda_config");

    private static final ObjectWriter WRITER = new JsonMapper().writerWithDefaultPrettyPrinter();

    private LoraFolder() {}

    /**
     * Saves an adapter, without the model; files of one that the folder holds are replaced.
     *
     * @param dir the folder, made if it is not there
     * @throws MiniGptException if it can't be written
     */
    public static void save(Path dir, Lora lora) {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        lora.parameters().forEach((name, array) -> arrays.put(peftName(name), transposed(array)));
        AtomicFolder.write(dir, folder -> {
            Safetensors.write(folder.resolve(WEIGHTS), arrays, Map.of("format", "pt"));
            AtomicFiles.write(folder.resolve(CONFIG), out -> WRITER.writeValue(out, json(lora.config())));
        });
    }

    private static String peftName(String name) {
        Matcher llama = OF_LLAMA.matcher(name);
        return PREFIX
                + (llama.matches()
                        ? "model.layers." + llama.group(1) + (llama.group(2).equals("mlp") ? ".mlp." : ".self_attn.")
                                + llama.group(3)
                        : "transformer." + name);
    }

    /** @return our name of what PEFT, or an earlier version of this library, calls so */
    private static String ownName(String name) {
        String plain = name.replaceFirst("^base_model\\.model\\.", "").replaceFirst("^transformer\\.", "");
        return IN_LLAMA.matcher(plain).replaceFirst("h.$1.$3.$4");
    }

    private static ObjectNode json(Lora.Config config) {
        ObjectNode json = new JsonMapper().createObjectNode();
        json.put("peft_type", "LORA");
        json.put("task_type", "CAUSAL_LM");
        json.put("r", config.rank());
        json.put("lora_alpha", config.alpha());
        json.put("lora_dropout", 0.0);
        json.put("bias", "none");
        // Whether weights are [in,out], as GPT-2's are.
        json.put("fan_in_fan_out", config.targetModules().stream().noneMatch(target -> target.matches(LLAMAS)));
        json.putNull("base_model_name_or_path");
        ArrayNode targets = json.putArray("target_modules");
        config.targetModules().forEach(targets::add);
        return json;
    }

    /**
     * Attaches a saved adapter to a model, whose weights then are those with the adapter.
     *
     * @param dir a folder that {@link #save} or PEFT wrote
     * @param gpt the model that the adapter was trained on
     * @throws MiniGptException if a file is not there, can't be read, is damaged or asks for what {@link Lora} has not, or
     *     the adapter does not fit the model, which then is as it was
     */
    public static Lora load(Path dir, Gpt gpt) {
        JsonConfig json = JsonConfig.read(AtomicFolder.locate(dir, CONFIG), REMEDY);
        json.requireValue("peft_type", "LORA");
        json.requireNoneOr("bias", Set.of("none"));
        json.requireNoneOr("init_lora_weights", KEEPING_THE_MODEL);
        json.requireKnown(KEYS);
        try (SafetensorsReader file = SafetensorsReader.open(AtomicFolder.locate(dir, WEIGHTS))) {
            Map<String, TensorInfo> left = file.renamed(LoraFolder::ownName);
            List<String> targets = targets(json, left.keySet());
            Lora lora = json.built(
                    "adapter that fits this model",
                    () -> Lora.attach(gpt, new Lora.Config(json.integer("r"), json.number("lora_alpha"), targets), 0));
            lora.parameters().forEach((name, target) -> {
                TensorInfo tensor = left.remove(name);
                requireFit(file.path(), peftName(name), tensor, target);
                if (tensor.dtype().narrow() && target.dataType() == DataType.FLOAT) {
                    file.read(tensor.transposed(), target);
                } else {
                    NativeMemory.copy(file.read(tensor).transpose(), target);
                }
            });
            left.values().stream().findFirst().ifPresent(tensor -> {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(tensor.name())
                        + ", which an adapter of its " + CONFIG + " does not have" + REMEDY);
            });
            lora.parametersChanged();
            return lora;
        }
    }

    /** @return the layers by the last parts of their names; of a pattern for them those that the file has */
    private static List<String> targets(JsonConfig json, Set<String> tensors) {
        List<String> targets = json.strings("target_modules");
        boolean pattern = targets.size() == 1 && !targets.get(0).matches("[\\w.]+");
        return (pattern ? tensors.stream().map(name -> name.replaceFirst("\\.lora_.*", "")) : targets.stream())
                .map(name -> name.replaceFirst(pattern ? ".*\\." : ".*\\.(?=" + LLAMAS + "$)", ""))
                .distinct()
                .toList();
    }

    private static void requireFit(Path file, String name, TensorInfo tensor, INDArray target) {
        List<Long> shape = List.of(target.size(1), target.size(0));
        if (tensor == null) {
            throw new MiniGptException(file + " has no tensor \"" + name + "\" of shape " + shape
                    + ", which this model's adapter needs" + REMEDY);
        }
        if (!tensor.shape().equals(shape)) {
            throw new MiniGptException(file + " has the tensor " + DataFile.quoted(tensor.name()) + " of shape "
                    + tensor.shape() + ", but this model's adapter needs " + shape + REMEDY);
        }
    }

    private static INDArray transposed(INDArray array) {
        return array.transpose().dup('c');
    }
}
