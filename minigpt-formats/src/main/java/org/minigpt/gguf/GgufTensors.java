package org.minigpt.gguf;

import java.io.DataInput;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;

/** The tensors of an open GGUF file under GPT-2's names and in its layout. */
final class GgufTensors implements StoredTensors {
    /** GPT-2's names and GGUF's, before {@code .weight} and {@code .bias}. */
    private static final String[][] NAMES = {
        {"wte", "token_embd"},
        {"wpe", "position_embd"},
        {"ln_f", "output_norm"},
        {"lm_head", "output"},
        {"ln_1", "attn_norm"},
        {"attn.c_attn", "attn_qkv"},
        {"attn.c_proj", "attn_output"},
        {"ln_2", "ffn_norm"},
        {"mlp.c_fc", "ffn_up"},
        {"mlp.c_proj", "ffn_down"},
    };

    private static final Pattern NAME = Pattern.compile("(?:(?:h|blk)\\.(\\d+)\\.)?(.+)\\.(weight|bias)");

    private final DataFile file;
    private final GgufHeader header;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /** @param added rows at the end of the matrices of tokens that are passed over */
    GgufTensors(DataFile file, GgufHeader header, int added) {
        this.file = file;
        this.header = header;
        header.tensors().forEach((name, t) -> {
            String gpt2 = translate(name, 1, 0, "h.");
            List<Long> shape = t.shape();
            if (GgufFile.ofTokens(gpt2) && shape.size() == 2 && shape.get(0) > added) {
                shape = List.of(shape.get(0) - added, shape.get(1));
            }
            long end = t.begin() + TensorInfo.bytes(t.dtype(), shape);
            TensorInfo info = new TensorInfo(gpt2, t.dtype(), shape, t.begin(), end);
            if (tensors.put(gpt2, Gpt2.linear(gpt2) ? info.transposed() : info) != null) {
                throw DataFile.damaged(file.path(), DataFile.quoted(gpt2) + " is there under two names");
            }
        });
    }

    /** @return GGUF's name of a parameter */
    static String ggufName(String gpt2) {
        return translate(gpt2, 0, 1, "blk.");
    }

    /** @return the name in the other column, or the same if it is in neither */
    private static String translate(String name, int from, int to, String block) {
        Matcher parts = NAME.matcher(name);
        if (parts.matches()) {
            for (String[] pair : NAMES) {
                if (pair[from].equals(parts.group(2))) {
                    String prefix = parts.group(1) == null ? "" : block + parts.group(1) + ".";
                    return prefix + pair[to] + "." + parts.group(3);
                }
            }
        }
        return name;
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        file.at(header.dataStart() + tensor.begin() + from, reader);
    }

    @Override
    public void close() {
        file.close();
    }
}
