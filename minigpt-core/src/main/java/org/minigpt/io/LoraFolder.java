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
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A {@link Lora} adapter in a folder, as Hugging Face's PEFT has it: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}, where A is [r,in] and B [out,r], the weights of two PyTorch linear layers, under names
 * such as {@code base_model.model.transformer.h.0.attn.c_attn.lora_A.weight}.
 */
public final class LoraFolder {
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.transformer.";
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
        lora.parameters().forEach((name, array) -> arrays.put(PREFIX + name, transposed(array)));
        AtomicFolder.write(dir, folder -> {
            Safetensors.write(folder.resolve(WEIGHTS), arrays, Map.of("format", "pt"));
            AtomicFiles.write(folder.resolve(CONFIG), out -> WRITER.writeValue(out, json(lora.config())));
        });
    }

    private static ObjectNode json(Lora.Config config) {
        ObjectNode json = new JsonMapper().createObjectNode();
        json.put("peft_type", "LORA");
        json.put("task_type", "CAUSAL_LM");
        json.put("r", config.rank());
        json.put("lora_alpha", config.alpha());
        json.put("lora_dropout", 0.0);
        json.put("bias", "none");
        json.put("fan_in_fan_out", true); // the model's weights are [in,out]
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
        json.requireFlag("fan_in_fan_out", true);
        json.requireNoneOr("bias", Set.of("none"));
        json.requireNoneOr("init_lora_weights", KEEPING_THE_MODEL);
        json.requireKnown(KEYS);
        List<String> targets = json.strings("target_modules");
        Lora lora = json.built(
                "adapter that fits this model",
                () -> Lora.attach(gpt, new Lora.Config(json.integer("r"), json.number("lora_alpha"), targets), 0));
        try (SafetensorsReader file = SafetensorsReader.open(AtomicFolder.locate(dir, WEIGHTS))) {
            Map<String, TensorInfo> left = new LinkedHashMap<>(file.tensors());
            lora.parameters().forEach((name, target) -> {
                TensorInfo tensor = left.remove(PREFIX + name);
                requireFit(file.path(), PREFIX + name, tensor, target);
                NativeMemory.copy(file.read(tensor).transpose(), target);
            });
            left.keySet().stream().findFirst().ifPresent(name -> {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(name)
                        + ", which an adapter of its " + CONFIG + " does not have" + REMEDY);
            });
        }
        lora.parametersChanged();
        return lora;
    }

    private static void requireFit(Path file, String name, TensorInfo tensor, INDArray target) {
        List<Long> shape = List.of(target.size(1), target.size(0));
        if (tensor == null) {
            throw new MiniGptException(file + " has no tensor \"" + name + "\" of shape " + shape
                    + ", which this model's adapter needs" + REMEDY);
        }
        if (!tensor.shape().equals(shape)) {
            throw new MiniGptException(file + " has the tensor " + DataFile.quoted(name) + " of shape " + tensor.shape()
                    + ", but this model's adapter needs " + shape + REMEDY);
        }
    }

    private static INDArray transposed(INDArray array) {
        return array.transpose().dup('c');
    }
}
