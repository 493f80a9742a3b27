package org.minigpt.onnx;

import static org.minigpt.onnx.OnnxGraph.attribute;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import onnx.Onnx.ModelProto;
import onnx.Onnx.OperatorSetIdProto;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Models in ONNX, opset 17: from {@code ids}, I64 [B,T] for any B and T up to block_size, to {@code logits}, F32 [B,T,V].
 * The graph is that of {@code Gpt}, without dropout and loss, and its values bear the same names.
 */
public final class OnnxFile {
    private static final int OPSET = 17;
    private static final int IR_VERSION = 8;
    private static final long LARGEST = 1L << 31;

    /** As in the portable op set: exp of it is 0. */
    private static final double MASKED = -1e9;

    private final Gpt gpt;
    private final GptConfig config;
    private final OnnxGraph graph = new OnnxGraph("minigpt");

    private OnnxFile(Gpt gpt) {
        this.gpt = gpt;
        this.config = gpt.config();
    }

    /**
     * Writes a model.
     *
     * @param file replaced if it is there
     * @param gpt in single precision
     * @throws MiniGptException if the model has other layers than GPT-2's, is in double precision or is larger than such a file can be, 2 GiB, or the file
     *     can't be written
     */
    public static void write(Path file, Gpt gpt) {
        Gpt2.requireLayers(gpt, "ONNX");
        if (gpt.dataType() != DataType.FLOAT) {
            throw new MiniGptException("MiniGPT writes ONNX in single precision, but the model is of type "
                    + gpt.dataType() + "; export a model in single precision");
        }
        if (gpt.parameterCount() * Float.BYTES > LARGEST - (1 << 24)) {
            throw new MiniGptException(file + " would hold " + gpt.parameterCount() * Float.BYTES
                    + " bytes of parameters, but an ONNX file ends at 2 GiB; export the model as gguf");
        }
        AtomicFiles.write(file, out -> new OnnxFile(gpt).model().writeTo(out));
    }

    private ModelProto model() throws IOException {
        for (String name : gpt.parameters().keySet()) {
            graph.parameter(name, gpt.parameters().get(name));
        }
        graph.input(Gpt.IDS, OnnxGraph.INT64, "B", "T");
        graph.output(Gpt.LOGITS, OnnxGraph.FLOAT, "B", "T", config.vocabSize());
        String mask = constantsAndMask();
        String x = embedding();
        for (int i = 0; i < config.nLayer(); i++) {
            x = block("h." + i, x, mask);
        }
        head(norm("ln_f", x));
        return ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName("MiniGPT for Deeplearning4j")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET))
                .setGraph(graph.build())
                .build();
    }

    /** @return 0 where the key is not after the query, else {@link #MASKED}: (T,T) */
    private String constantsAndMask() {
        graph.scalar("zero", 0L);
        graph.scalar("one", 1L);
        graph.scalar("sqrt_d", Math.sqrt((double) config.nEmbd() / config.nHead()));
        graph.scalar("masked", MASKED);
        graph.scalar("none", 0.0);
        graph.list("split_heads", 0, 0, config.nHead(), config.nEmbd() / config.nHead());
        graph.list("join_heads", 0, 0, config.nEmbd());
        graph.list("thirds", config.nEmbd(), config.nEmbd(), config.nEmbd());
        graph.list("last_axis", 1);
        graph.node("shape", "Shape", List.of(Gpt.IDS));
        graph.node("length", "Gather", List.of("shape", "one"));
        graph.node("positions", "Range", List.of("zero", "length", "one")); // (T)
        graph.node("queries", "Unsqueeze", List.of("positions", "last_axis")); // (T,1)
        graph.node("future", "Less", List.of("queries", "positions")); // (T,T)
        return graph.node("mask", "Where", List.of("future", "masked", "none"));
    }

    private String embedding() {
        graph.node("wte", "Gather", List.of("wte.weight", Gpt.IDS)); // (B,T,C)
        graph.node("wpe", "Gather", List.of("wpe.weight", "positions")); // (T,C)
        return graph.node("embedding", "Add", List.of("wte", "wpe"));
    }

    private String block(String name, String x, String mask) {
        String attention = attention(name + ".attn", norm(name + ".ln_1", x), mask);
        String middle = graph.node(name + ".attn_residual", "Add", List.of(x, attention));
        String hidden = linear(name + ".mlp.c_fc", norm(name + ".ln_2", middle));
        String mlp = linear(name + ".mlp.c_proj", activation(name + ".mlp.act", hidden));
        return graph.node(name, "Add", List.of(middle, mlp));
    }

    private String norm(String name, String x) {
        List<String> inputs = new ArrayList<>(List.of(x, name + ".weight"));
        if (has(name + ".bias")) {
            inputs.add(name + ".bias");
        }
        return graph.node(name, "LayerNormalization", inputs, attribute("axis", -1L), attribute("epsilon", (float)
                config.normEps()));
    }

    private String linear(String name, String x) {
        boolean bias = has(name + ".bias");
        String product = graph.node(bias ? name + ".product" : name, "MatMul", List.of(x, name + ".weight"));
        return bias ? graph.node(name, "Add", List.of(product, name + ".bias")) : product;
    }

    private boolean has(String parameter) {
        return gpt.parameters().containsKey(parameter);
    }

    private String attention(String name, String x, String mask) {
        List<String> parts = graph.nodes(
                "Split",
                List.of(linear(name + ".c_attn", x), "thirds"),
                List.of(name + ".q", name + ".k", name + ".v"),
                attribute("axis", 2L));
        String q = heads(parts.get(0), 0, 2, 1, 3); // (B,H,T,D)
        String k = heads(parts.get(1), 0, 2, 3, 1); // (B,H,D,T)
        String v = heads(parts.get(2), 0, 2, 1, 3);
        graph.node(name + ".products", "MatMul", List.of(q, k)); // (B,H,T,T)
        graph.node(name + ".scaled", "Div", List.of(name + ".products", "sqrt_d"));
        graph.node(name + ".scores", "Add", List.of(name + ".scaled", mask));
        graph.node(name + ".probabilities", "Softmax", List.of(name + ".scores"), attribute("axis", -1L));
        graph.node(name + ".by_head", "MatMul", List.of(name + ".probabilities", v)); // (B,H,T,D)
        graph.node(name + ".turned", "Transpose", List.of(name + ".by_head"), attribute("perm", 0, 2, 1, 3));
        graph.node(name, "Reshape", List.of(name + ".turned", "join_heads")); // (B,T,C)
        return linear(name + ".c_proj", name);
    }

    private String heads(String x, long... order) {
        graph.node(x + ".split", "Reshape", List.of(x, "split_heads")); // (B,T,H,D)
        return graph.node(x + ".heads", "Transpose", List.of(x + ".split"), attribute("perm", order));
    }

    /** Written out: ONNX has GELU from opset 20 only. */
    private String activation(String name, String x) {
        return switch (config.mlp().activation().orElseThrow()) {
            case RELU -> graph.node(name, "Relu", List.of(x));
            case RELU2 -> {
                graph.node(name + ".relu", "Relu", List.of(x));
                yield graph.node(name, "Mul", List.of(name + ".relu", name + ".relu"));
            }
            case GELU -> {
                graph.scalar(name + ".root", Math.sqrt(0.5));
                graph.node(name + ".scaled", "Mul", List.of(x, name + ".root"));
                yield half(name, x, graph.node(name + ".erf", "Erf", List.of(name + ".scaled")));
            }
            case SILU -> {
                graph.node(name + ".sigmoid", "Sigmoid", List.of(x));
                yield graph.node(name, "Mul", List.of(x, name + ".sigmoid"));
            }
            case GELU_TANH -> {
                graph.scalar(name + ".cubic", 0.044715);
                graph.scalar(name + ".root", Math.sqrt(2 / Math.PI));
                graph.node(name + ".square", "Mul", List.of(x, x));
                graph.node(name + ".cube", "Mul", List.of(name + ".square", x));
                graph.node(name + ".scaled", "Mul", List.of(name + ".cube", name + ".cubic"));
                graph.node(name + ".sum", "Add", List.of(x, name + ".scaled"));
                graph.node(name + ".argument", "Mul", List.of(name + ".sum", name + ".root"));
                yield half(name, x, graph.node(name + ".tanh", "Tanh", List.of(name + ".argument")));
            }
        };
    }

    /** 0.5·x·(1 + sigmoid) */
    private String half(String name, String x, String sigmoid) {
        graph.scalar(name + ".unit", 1.0);
        graph.scalar(name + ".half", 0.5);
        graph.node(name + ".share", "Add", List.of(sigmoid, name + ".unit"));
        graph.node(name + ".double", "Mul", List.of(x, name + ".share"));
        return graph.node(name, "Mul", List.of(name + ".double", name + ".half"));
    }

    private void head(String x) {
        String weight = config.tiedHead() ? "wte.weight" : "lm_head.weight"; // (V,C)
        graph.node("head", "Transpose", List.of(weight), attribute("perm", 1, 0));
        boolean bias = has("lm_head.bias");
        String product = graph.node(bias ? "logits.product" : Gpt.LOGITS, "MatMul", List.of(x, "head"));
        if (bias) {
            graph.node(Gpt.LOGITS, "Add", List.of(product, "lm_head.bias"));
        }
    }
}
