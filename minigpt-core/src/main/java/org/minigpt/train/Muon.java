package org.minigpt.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.MuonKernel;
import org.minigpt.internal.kernels.MuonKernel.Matrix;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.model.GptConfig;
import org.minigpt.model.Trainable;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Muon for the matrices of the blocks, whose steps {@link MuonKernel} makes nearly orthogonal, and {@link AdamW} for
 * embeddings, head, gains and biases. Queries, keys and values, which lie side by side in {@code c_attn.weight}, are
 * matrices of their own, and so are the two in {@code gate_up_proj.weight}.
 */
final class Muon implements Optimizer {
    private static final String MOMENTUM = "momentum_buffer.";

    private final MuonConfig config;
    private final AdamW rest; // has the momentum where its first moments of the matrices would be
    private final List<ParameterInfo> matrices;
    private final List<Matrix> parts; // of the matrices, the most costly first
    private final List<MuonKernel> kernels = new ArrayList<>(); // by thread; of one parameter vector
    private INDArray[] bound = {}; // the vectors that they were made for

    /**
     * @param trained the model or adapter
     * @param config the settings
     * @throws MiniGptException if no parameter is a matrix of a block
     */
    Muon(Trainable trained, MuonConfig config) {
        this.config = config;
        List<ParameterInfo> infos = trained.parameterInfos();
        Predicate<ParameterInfo> ofBlocks = info -> info.shape().size() == 2
                && info.name().startsWith("h.")
                && info.shape().stream().allMatch(size -> size > 1);
        matrices = infos.stream().filter(ofBlocks).toList();
        if (matrices.isEmpty()) {
            throw new MiniGptException("Muon is for the matrices of blocks, of which there are none; use AdamW");
        }
        rest = new AdamW(infos, trained.model().dataType(), config.adamW(), ofBlocks.negate(), this::rate);
        parts = matrices.stream()
                .flatMap(info -> parts(info, trained.model().config()).stream())
                .sorted(Comparator.comparingDouble(Muon::cost).reversed())
                .toList();
    }

    private double rate(ParameterInfo info) {
        if (info.name().startsWith("wte.") || info.name().startsWith("wpe.")) {
            return config.embeddingRate();
        }
        return info.name().startsWith("lm_head.") ? config.headRate() : 1;
    }

    private static List<Matrix> parts(ParameterInfo info, GptConfig model) {
        int rows = Math.toIntExact(info.shape().get(0));
        int columns = Math.toIntExact(info.shape().get(1));
        int offset = Math.toIntExact(info.offset());
        List<Integer> widths = List.of(columns);
        if (info.name().endsWith("c_attn.weight")) {
            int head = columns / (model.nHead() + 2 * model.nKvHead());
            widths = List.of(model.nHead() * head, model.nKvHead() * head, model.nKvHead() * head);
        } else if (info.name().endsWith("gate_up_proj.weight")) {
            widths = List.of(columns / 2, columns / 2);
        }
        List<Matrix> result = new ArrayList<>();
        int first = 0;
        for (int width : widths) {
            result.add(new Matrix(offset + first, rows, width, columns));
            first += width;
        }
        return result;
    }

    private static double cost(Matrix matrix) {
        double shorter = Math.min(matrix.rows(), matrix.columns());
        return shorter * shorter * (2.0 * matrix.rows() * matrix.columns() / shorter + shorter);
    }

    @Override
    public void step(INDArray parameters, INDArray gradients, double learningRate, double gradientFactor) {
        rest.step(parameters, gradients, learningRate, gradientFactor);
        double rate = learningRate * config.matrixRate();
        double beta = config.momentum(rest.steps());
        double keep = 1 - rate * config.weightDecay();
        if (rest.firstMoment().dataType() == DataType.DOUBLE) {
            stepDouble(parameters, gradients, beta, gradientFactor, keep, rate);
            return;
        }
        bind(parameters, NativeMemory.rowMajor(gradients));
        List<Runnable> tasks = new ArrayList<>();
        for (int i = 0; i < kernels.size(); i++) {
            int first = i;
            tasks.add(() -> {
                for (int part = first; part < parts.size(); part += kernels.size()) {
                    Matrix matrix = parts.get(part);
                    kernels.get(first).run(step(matrix, beta, gradientFactor, keep, rate), matrix);
                }
            });
        }
        Workers.runAll(tasks);
    }

    private MuonKernel.Step step(Matrix matrix, double beta, double gradientFactor, double keep, double rate) {
        double scale = config.scale().of(matrix.rows(), matrix.columns());
        return new MuonKernel.Step(
                beta, gradientFactor, keep, rate * scale, config.iteration().polynomials());
    }

    /** Each matrix is computed by one thread, so the bits do not depend on how many there are. */
    private void bind(INDArray parameters, INDArray gradients) {
        if (bound.length == 2 && bound[0] == parameters && bound[1] == gradients) {
            return;
        }
        kernels.clear();
        int threads = Math.min(parts.size(), Runtime.getRuntime().availableProcessors());
        for (int i = 0; i < threads; i++) {
            kernels.add(
                    new MuonKernel(Floats.of(parameters), Floats.of(gradients), Floats.of(rest.firstMoment()), parts));
        }
        bound = new INDArray[] {parameters, gradients};
    }

    private void stepDouble(
            INDArray parameters, INDArray gradients, double beta, double gradientFactor, double keep, double rate) {
        double[] p = parameters.toDoubleVector();
        double[] g = gradients.toDoubleVector();
        double[] m = rest.firstMoment().toDoubleVector();
        for (Matrix matrix : parts) {
            MuonKernel.update(step(matrix, beta, gradientFactor, keep, rate), matrix, p, g, m);
        }
        NativeMemory.of(parameters).write(0, p);
        NativeMemory.of(rest.firstMoment()).write(0, m);
    }

    /** @return the settings */
    public MuonConfig config() {
        return config;
    }

    @Override
    public long steps() {
        return rest.steps();
    }

    @Override
    public Map<String, INDArray> state() {
        Map<String, INDArray> state = new LinkedHashMap<>(rest.state());
        matrices.forEach(info -> state.put(MOMENTUM + info.name(), info.in(rest.firstMoment())));
        return state;
    }

    @Override
    public void restore(Map<String, INDArray> state, long steps) {
        rest.restore(state(), state, steps);
    }
}
