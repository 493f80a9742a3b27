package org.minigpt.internal.tensors;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How a kind of file has the parameters of a model: under names of its own and with linear weights [out,in]; with Llama's
 * layers, also queries, keys and values apart, as are the two matrices of SwiGLU.
 *
 * @param blocks what stands before the number of a block
 * @param names of the parts that each parameter is put together of, both without {@code .weight} and {@code .bias}
 * @param pairs whether rotary positions turn entries 2j and 2j+1 of a head there, and not j and j + D/2: the same with the
 *     outputs for queries and keys in another order
 */
public record TensorLayout(String blocks, Map<String, List<String>> names, boolean pairs) {
    /** That of Hugging Face's {@code LlamaForCausalLM} and its relatives. */
    public static final TensorLayout LLAMA = new TensorLayout(
            "model.layers.",
            Map.ofEntries(
                    Map.entry("wte", List.of("model.embed_tokens")),
                    Map.entry("ln_1", List.of("input_layernorm")),
                    Map.entry("attn.c_attn", List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
                    Map.entry("attn.q_norm", List.of("self_attn.q_norm")),
                    Map.entry("attn.k_norm", List.of("self_attn.k_norm")),
                    Map.entry("attn.c_proj", List.of("self_attn.o_proj")),
                    Map.entry("ln_2", List.of("post_attention_layernorm")),
                    Map.entry("mlp.gate_up_proj", List.of("mlp.gate_proj", "mlp.up_proj")),
                    Map.entry("mlp.down_proj", List.of("mlp.down_proj")),
                    Map.entry("ln_f", List.of("model.norm")),
                    Map.entry("lm_head", List.of("lm_head"))),
            false);

    private static final Set<String> LINEAR =
            Set.of("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "mlp.gate_up_proj", "mlp.down_proj");
    private static final Pattern NAME = Pattern.compile("(?:h\\.(\\d+)\\.)?(.+)\\.(weight|bias)");

    /** @return the parameters of a model by the names there: views of the model's own, or copies if pairs are turned */
    public Map<String, INDArray> parameters(Gpt gpt) {
        Map<String, INDArray> result = new LinkedHashMap<>();
        gpt.parameters().forEach((name, array) -> {
            List<String> names = names(name);
            long[] widths = widths(gpt.config(), names, array.size(-1));
            long from = 0;
            for (int i = 0; i < widths.length; i++) {
                INDArray part = widths.length == 1 ? array : columns(array, from, from + widths[i]);
                part = turned(names, i) ? reordered(part, gpt.config().headSize(), true) : part;
                result.put(names.get(i), linear(name) ? part.transpose() : part);
                from += widths[i];
            }
        });
        return result;
    }

    /** @return the tensors of such a file under the names and in the layout of the model's own */
    public TensorFile read(StoredTensors file, GptConfig config) {
        JoinedTensors result = new JoinedTensors(file);
        Map<String, TensorInfo> left = file.renamed(Gpt2::plainName);
        // A number of layers beyond that of the tensors would only cost time until the first is found missing.
        int layers = Math.min(config.nLayer(), left.size() + 1);
        Gpt.declaredParameters(config.toBuilder().nLayer(layers).tiedHead(false).build())
                .forEach(parameter -> {
                    List<String> names = names(parameter.name());
                    List<TensorInfo> parts = new ArrayList<>();
                    for (int i = 0; i < names.size(); i++) {
                        TensorInfo part = left.remove(names.get(i));
                        parts.add(part != null && linear(parameter.name()) ? part.transposed() : part);
                        if (part != null && turned(names, i)) {
                            result.ofPairs(part.name(), config.headSize());
                        }
                    }
                    if (!parts.isEmpty() && !parts.contains(null)) {
                        requireWidths(file, config, parts);
                        result.add(parameter.name(), parts);
                    }
                });
        left.forEach((name, tensor) -> {
            if (!name.endsWith(".rotary_emb.inv_freq")) { // which old versions of the library saved
                result.add(name, List.of(tensor));
            }
        });
        return result;
    }

    /** Parts that make up the right sum may still be cut at other places. */
    private static void requireWidths(StoredTensors file, GptConfig config, List<TensorInfo> parts) {
        long[] outputs = parts.stream()
                .mapToLong(part -> part.shape().isEmpty()
                        ? 1
                        : part.shape().get(part.shape().size() - 1))
                .toArray();
        long[] widths = widths(config, parts, Arrays.stream(outputs).sum());
        if (Arrays.stream(widths).sum() == Arrays.stream(outputs).sum() && !Arrays.equals(widths, outputs)) {
            throw DataFile.damaged(
                    file.path(),
                    DataFile.quoted(parts.get(0).name()) + " and what goes with it have " + Arrays.toString(outputs)
                            + " outputs, and not " + Arrays.toString(widths));
        }
    }

    /** @return whether a parameter is a weight that is [in,out] here and [out,in] there */
    private static boolean linear(String name) {
        Matcher parts = NAME.matcher(name);
        return parts.matches()
                && LINEAR.contains(parts.group(2))
                && parts.group(3).equals("weight");
    }

    /** @return what a parameter is put together of there; nothing if it is not known */
    public List<String> names(String name) {
        Matcher parts = NAME.matcher(name);
        if (!parts.matches()) {
            return List.of();
        }
        String block = parts.group(1) == null ? "" : blocks + parts.group(1) + ".";
        return names.getOrDefault(parts.group(2), List.of()).stream()
                .map(part -> block + part + "." + parts.group(3))
                .toList();
    }

    /** @return of how many columns each part is */
    private static long[] widths(GptConfig config, List<?> parts, long all) {
        long d = config.headSize();
        return switch (parts.size()) {
            case 0 -> new long[0];
            case 1 -> new long[] {all};
            case 2 -> new long[] {all / 2, all / 2};
            default -> new long[] {config.nHead() * d, config.nKvHead() * d, config.nKvHead() * d};
        };
    }

    /** @return whether the i-th part is of queries or keys whose entries are in another order */
    private boolean turned(List<String> parts, int i) {
        return pairs && parts.size() == 3 && i < 2;
    }

    private static INDArray columns(INDArray array, long from, long to) {
        return array.rank() == 1
                ? array.get(NDArrayIndex.interval(from, to))
                : array.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to));
    }

    /** @return a copy of x [...,n·D] with the entries j and j + D/2 of each D side by side, or the way back */
    static INDArray reordered(INDArray x, long d, boolean toPairs) {
        long heads = x.size(-1) / d;
        long rows = x.length() / x.size(-1);
        INDArray halves =
                toPairs ? x.dup('c').reshape(rows, heads, 2, d / 2) : x.dup('c').reshape(rows, heads, d / 2, 2);
        return halves.permute(0, 1, 3, 2).dup('c').reshape(x.shape());
    }
}
