package org.minigpt.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.minigpt.internal.tensors.DataFile;

/** Parameters in a folder that is no model's, in files that MiniGPT does not open. */
final class ForeignWeights {
    private static final String TO_SAFETENSORS = "; save the model as safetensors, in Python with"
            + " save_pretrained(DIR, safe_serialization=True) or safetensors.torch.save_file";

    /** What may be there, by a pattern of its name, and what to do. */
    private static final List<Map.Entry<String, String>> KINDS = List.of(
            Map.entry("adapter_model\\.safetensors", "an adapter and not the model that it is for; give that"),
            Map.entry(".*\\.gguf", "a model to import in the format gguf"),
            Map.entry(
                    "pytorch_model-.*\\.bin",
                    "a part of PyTorch's checkpoint without pytorch_model.bin.index.json; put that beside it"),
            Map.entry(".*\\.(pt|pth)", "PyTorch's checkpoint, a model to import in the format pytorch"),
            Map.entry(".*\\.h5", "TensorFlow's checkpoint" + TO_SAFETENSORS),
            Map.entry(".*\\.msgpack", "Flax's checkpoint" + TO_SAFETENSORS));

    private ForeignWeights() {}

    /** @return what a folder has instead of its weights, to follow "it has no model.safetensors" */
    static Optional<String> in(Path dir) {
        List<String> names;
        try (Stream<Path> files = Files.list(dir)) {
            names = files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return Optional.empty(); // which is said otherwise
        }
        return KINDS.stream()
                .flatMap(kind -> names.stream()
                        .filter(name -> name.matches(kind.getKey()))
                        .map(name -> ", but " + DataFile.quoted(name) + ", " + kind.getValue()))
                .findFirst();
    }
}
