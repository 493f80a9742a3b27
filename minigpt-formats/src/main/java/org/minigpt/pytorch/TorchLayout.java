package org.minigpt.pytorch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.JoinedTensors;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.internal.tensors.TorchFile;

/** The names of the parameters in the code that a model comes from. */
enum TorchLayout {
    /** nanoGPT, minGPT since 2022, and Hugging Face's. */
    GPT2("wte", "wpe.weight", "lm_head", "h.", "ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"),
    /** minGPT as it was first. */
    MINGPT_OF_2020(
            "tok_emb",
            "pos_emb",
            "head",
            "blocks.",
            "ln1",
            "attn.query attn.key attn.value",
            "attn.proj",
            "ln2",
            "mlp.0",
            "mlp.2"),
    /** The lecture's, whose heads have a number for a star. */
    LECTURE(
            "token_embedding_table",
            "position_embedding_table.weight",
            "lm_head",
            "blocks.",
            "ln1",
            "sa.heads.*.query sa.heads.*.key sa.heads.*.value",
            "sa.proj",
            "ln2",
            "ffwd.net.0",
            "ffwd.net.2");

    private static final List<String> PARTS =
            List.of("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj");

    private static final List<String> SUFFIXES = List.of(".weight", ".bias");

    /** Causal masks. */
    private static final Pattern MASK =
            Pattern.compile("(h|blocks)\\.\\d+\\.(.*\\.)?(tril|mask|attn\\.bias|attn\\.masked_bias)");

    private final String embedding;
    private final String positions;
    private final String head;
    private final String blocks;
    private final List<String> parts;

    TorchLayout(String embedding, String positions, String head, String blocks, String... parts) {
        this.embedding = embedding;
        this.positions = positions;
        this.head = head;
        this.blocks = blocks;
        this.parts = List.of(parts);
    }

    /**
     * The tensors of a file under GPT-2's names.
     *
     * @param layout that they had
     * @param layers how many blocks there are
     * @param heads how many heads there are; 0 if the names do not tell
     * @param inOut whether linear weights are [in,out], as Hugging Face has them
     */
    record Found(JoinedTensors tensors, TorchLayout layout, int layers, int heads, boolean inOut) {}

    /** @throws MiniGptException if the names are of no layout that is known */
    static Found in(TorchFile file) {
        Map<String, TensorInfo> left = new LinkedHashMap<>();
        file.tensors().forEach((name, tensor) -> {
            String plain = Gpt2.plainName(name);
            if (!MASK.matcher(plain).matches() && left.put(plain, tensor) != null) {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(plain)
                        + " with and without a prefix: remove one of them.");
            }
        });
        return Stream.of(values())
                .filter(layout -> left.containsKey(layout.embedding + ".weight") && layout.layers(left) > 0)
                .findFirst()
                .or(() -> GPT2.layers(left) > 0 ? Optional.of(GPT2) : Optional.empty())
                .orElseThrow(() -> new MiniGptException(file.path() + " has tensors such as "
                        + DataFile.quoted(file.tensors().keySet().iterator().next())
                        + ", but none that nanoGPT, minGPT, the lecture or Hugging Face's GPT-2 has: give a model of"
                        + " one of these, or the folder with its config.json in the format hf."))
                .joined(file, left);
    }

    private int layers(Map<String, TensorInfo> tensors) {
        return (int) IntStream.range(0, tensors.size())
                .takeWhile(i -> tensors.containsKey(blocks + i + "." + parts.get(0) + ".weight"))
                .count();
    }

    private Found joined(TorchFile file, Map<String, TensorInfo> left) {
        JoinedTensors result = new JoinedTensors(file);
        int layers = layers(left);
        int heads = (int) IntStream.range(0, left.size())
                .takeWhile(h -> left.containsKey(blocks + "0.sa.heads." + h + ".query.weight"))
                .count();
        TensorInfo qkv = left.get(blocks + "0." + parts.get(1) + ".weight");
        boolean inOut = qkv != null
                && qkv.shape().size() == 2
                && qkv.shape().get(1) == 3 * qkv.shape().get(0);
        add(result, "wte.weight", List.of(embedding + ".weight"), left, true);
        TensorInfo table = left.remove(positions);
        if (table != null) {
            result.add("wpe.weight", List.of(squeezed(table)));
        }
        for (int layer = 0; layer < layers; layer++) {
            for (int i = 0; i < PARTS.size(); i++) {
                for (String suffix : SUFFIXES) {
                    List<String> names = names(blocks + layer + ".", parts.get(i), suffix, heads);
                    add(result, "h." + layer + "." + PARTS.get(i) + suffix, names, left, inOut);
                }
            }
        }
        for (String suffix : SUFFIXES) {
            add(result, "ln_f" + suffix, List.of("ln_f" + suffix), left, inOut);
            add(result, "lm_head" + suffix, List.of(head + suffix), left, true);
        }
        left.forEach((name, tensor) -> result.add(name, List.of(tensor))); // which will be refused by name
        return new Found(result, this, layers, heads, inOut);
    }

    private static List<String> names(String block, String part, String suffix, int heads) {
        return Stream.of(part.split(" "))
                .flatMap(name -> name.contains("*")
                        ? IntStream.range(0, heads).mapToObj(h -> name.replace("*", String.valueOf(h)))
                        : Stream.of(name))
                .map(name -> block + name + suffix)
                .toList();
    }

    private static void add(
            JoinedTensors result, String name, List<String> from, Map<String, TensorInfo> left, boolean asItIs) {
        List<TensorInfo> found = new ArrayList<>();
        for (String part : from) {
            TensorInfo tensor = left.remove(part);
            if (tensor != null) {
                found.add(asItIs || !Gpt2.linear(name) ? tensor : tensor.transposed());
            }
        }
        if (!found.isEmpty() && found.size() < from.size()) {
            throw DataFile.damaged(
                    result.path(),
                    "it has " + DataFile.quoted(found.get(0).name()) + ", but not all of " + String.join(", ", from));
        }
        if (!found.isEmpty()) {
            result.add(name, found);
        }
    }

    /** [1,T,C], as minGPT once had it, to [T,C]. */
    private static TensorInfo squeezed(TensorInfo t) {
        boolean one = t.shape().size() == 3 && t.shape().get(0) == 1;
        return one ? new TensorInfo(t.name(), t.dtype(), t.shape().subList(1, 3), t.begin(), t.end()) : t;
    }
}
