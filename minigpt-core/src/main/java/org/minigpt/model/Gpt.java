package org.minigpt.model;

import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.Decoders;
import org.minigpt.decode.LanguageModel;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.Parameter;
import org.minigpt.internal.batch.Share;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Lifetime;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.runtime.PlanPool;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A GPT as a SameDiff graph, with its parameters. The graph serves any batch size B and any length T up to block_size.
 *
 * <pre>{@code
 * GptConfig config = GptConfig.builder().vocabSize(65).blockSize(32).nLayer(4).nHead(4).nEmbd(64).build();
 * Gpt gpt = Gpt.create(config, 1337);
 * INDArray logits = gpt.logits(new int[][] {{18, 47, 56}}); // [1,3,65]
 * }</pre>
 *
 * <p>Parameters bear the names of Hugging Face's GPT-2 and are views of one vector, and so are the gradients.
 * {@link #logits} and {@link #loss} may be called by several threads at once as long as none trains.
 *
 * <p>Its native memory is freed some time after the model is unreachable, or at once by {@link #close}.
 */
public final class Gpt implements Trainable, LanguageModel, AutoCloseable {
    /** The placeholder of the input ids, INT [B,T]. */
    public static final String IDS = "ids";

    /** The placeholder of the target ids, INT [B,T]. */
    public static final String TARGETS = "targets";

    /**
     * The placeholder of the positions of tokens in their texts, INT [B,T]; only in the graph for rows of several texts,
     * which is not {@link #sameDiff}.
     */
    static final String POSITIONS = "positions";

    /** The placeholder of the dropout key, LONG scalar; only in graphs with dropout. */
    public static final String DROPOUT_KEY = Share.DROPOUT_KEY;

    /** The variable of the logits [B,T,V]. */
    public static final String LOGITS = "logits";

    /** The variable of what the logits are computed from, the residual stream after {@code ln_f} [B,T,C]. */
    private static final String LAST_HIDDEN_STATE = "ln_f";

    /** The variable of the loss, a scalar. */
    public static final String LOSS = "loss";

    private final GptConfig config;
    private final IntFunction<? extends GraphLayer> block;
    private final DataType dataType;
    private final List<Integer> eosTokenIds;
    private final List<ParameterInfo> infos;
    private final FlatVector parameters;
    private final Map<String, Integer> timesSet = new ConcurrentHashMap<>();
    private final FlatVector gradients;
    private final OpSet opSet;
    private final SameDiff sd;
    private SameDiff packed; // of rows that hold several texts; made when the first are computed
    private final int replicas;
    private final LossAndGradients lossAndGradients;
    private final Decoders decoders;
    private final Lifetime lifetime = new Lifetime("the model");

    private Gpt(Builder builder) {
        config = builder.config;
        dataType = builder.dataType;
        eosTokenIds = builder.eosTokenIds;
        block = builder.block;
        GptGraph graph = new GptGraph(config, block);
        List<Parameter> declared = graph.parameters();
        infos = FlatVector.layOut(declared);
        parameters = new FlatVector(dataType, infos);
        gradients = new FlatVector(dataType, infos);
        if (!builder.zeroParameters) {
            parameters.initialise(declared, new Random(builder.seed));
        }
        sd = Workspaces.outside(
                () -> graph.build(parameters.views(), builder.opSet, name -> timesSet.merge(name, 1, Integer::sum)));
        opSet = builder.opSet;
        replicas = builder.replicas;
        lossAndGradients = new LossAndGradients(this, sd, infos, gradients, replicas);
        boolean cached = builder.opSet instanceof FusedOps && block == null && dataType == DataType.FLOAT;
        Decoders.Model decoded = new Decoders.Model(
                config.vocabSize(),
                config.blockSize(),
                parameters.views(),
                cached ? graph : null,
                this::lastLogits,
                lifetime);
        decoders = new Decoders(
                decoded, cache -> new DecodeMemory(Team.ofProcessors(), parameterCount(), cache == CacheType.F16));
    }

    /** @return a GPT in single precision on the fused ops, its parameters drawn from {@code seed} */
    public static Gpt create(GptConfig config, long seed) {
        return builder(config).seed(seed).build();
    }

    /** @return a builder for a GPT of this configuration */
    public static Builder builder(GptConfig config) {
        return new Builder(config);
    }

    /**
     * The parameters that a model of this configuration has, without making one: nothing of their size is allocated.
     *
     * @return in the order of {@link #parameters}
     */
    public static List<Parameter> declaredParameters(GptConfig config) {
        return builder(config).declaredParameters();
    }

    /**
     * What {@code sd.fit} is to know of {@link #sameDiff} besides its updater.
     *
     * <pre>{@code
     * gpt.sameDiff().setTrainingConfig(gpt.trainingConfig().updater(new Adam(1e-3)).build());
     * gpt.sameDiff().fit(new TokenMultiDataSetIterator(windows, 100), 1);
     * }</pre>
     *
     * @return a builder for data sets with the features x, and in a graph with dropout the dropout key (LONG scalar)
     *     after it, and the labels y; the updater is still to be set
     */
    public TrainingConfig.Builder trainingConfig() {
        return new TrainingConfig.Builder()
                .dataSetFeatureMapping(config.dropout().any() ? List.of(IDS, DROPOUT_KEY) : List.of(IDS))
                .dataSetLabelMapping(TARGETS)
                .minimize(LOSS)
                // Without evaluations, but so it is computed: SameDiff would report 0 for a loss that no gradient
                // depends on, as is that of the portable ops.
                .trainEvaluation(LOSS, 0);
    }

    /**
     * Writes the model as a SameDiff file of ND4J's own ops, with the parameters, the placeholders {@link #IDS} and
     * {@link #TARGETS} and the variables {@link #LOGITS} and {@link #LOSS}: {@code SameDiff.load(file, false)} opens it
     * without this library, on any backend, and it takes any B and T up to block_size. Without dropout.
     *
     * @param file replaced if it is there
     * @throws MiniGptException if the model is larger than such a file can be, or it cannot be written
     */
    public void exportPortable(Path file) {
        GptConfig without = config.toBuilder().dropout(0).build();
        PortableFile.write(file, new GptGraph(without, block), parameters.views());
    }

    /** @return the shape of the model */
    public GptConfig config() {
        return config;
    }

    /** @return whether the blocks are those of {@link Builder#block}, not of the configuration */
    public boolean hasOwnBlocks() {
        return block != null;
    }

    /** @return FLOAT or DOUBLE */
    public DataType dataType() {
        return dataType;
    }

    /**
     * The tokens by which the model says that its text has ended, {@code eos_token_id} in its files: generation ends
     * there.
     *
     * @return each once; none in a model that has not been told of any
     */
    @Override
    public List<Integer> eosTokenIds() {
        return eosTokenIds;
    }

    /**
     * @return the graph, with the placeholders {@link #IDS} and {@link #TARGETS}; its parameters are this model's, and
     *     stay so: an array that {@code setArray} is given is copied into them
     */
    public SameDiff sameDiff() {
        return sd;
    }

    /** @return a graph on the same parameters that takes {@link #POSITIONS} too */
    synchronized SameDiff packedGraph() {
        if (packed == null) {
            packed = Workspaces.outside(
                    () -> new GptGraph(config, block).build(parameters.views(), opSet, name -> {}, true));
        }
        return packed;
    }

    @Override
    public Gpt model() {
        return this;
    }

    /** @return where each parameter lies in {@link #flatParameters} and {@link #flatGradients} */
    @Override
    public List<ParameterInfo> parameterInfos() {
        return infos;
    }

    /** @return the live parameters by Hugging Face's names, in the order of the graph */
    public Map<String, INDArray> parameters() {
        return parameters.views();
    }

    @Override
    public Map<String, INDArray> gradients() {
        return gradients.views();
    }

    /** @return the vector that {@link #parameters} are views of */
    @Override
    public INDArray flatParameters() {
        return parameters.vector();
    }

    /** @return the vector that {@link #gradients} are views of; its memory is taken when they are first computed */
    @Override
    public INDArray flatGradients() {
        return gradients.vector();
    }

    /**
     * The logits of the next token at each position.
     *
     * @param ids [B,T], all rows of one length T ≤ block_size
     * @return [B,T,V]
     * @throws MiniGptException if T is out of range or an id is not in the vocabulary
     */
    public INDArray logits(int[][] ids) {
        return logits(Inputs.array("ids", ids));
    }

    /** {@link #logits(int[][])} of an INT array [B,T]. */
    public INDArray logits(INDArray ids) {
        return output(ids, LOGITS);
    }

    /**
     * What the model makes of each token, from which the head computes the logits: the residual stream after
     * {@code ln_f}, Hugging Face's {@code last_hidden_state}.
     *
     * @param ids [B,T], all rows of one length T ≤ block_size
     * @return [B,T,C]
     * @throws MiniGptException if T is out of range or an id is not in the vocabulary
     */
    public INDArray lastHiddenState(int[][] ids) {
        return output(Inputs.array("ids", ids), LAST_HIDDEN_STATE);
    }

    private INDArray output(INDArray ids, String name) {
        Inputs.check(config, ids);
        return whileOpen(() -> sd.output(placeholders(ids, null, 0), name).get(name));
    }

    /** @return the logits after the last of the ids [T], [V] */
    private double[] lastLogits(int[] ids) {
        try (INDArray logits = logits(new int[][] {ids})) { // (1,T,V)
            return logits.get(NDArrayIndex.point(0), NDArrayIndex.point(ids.length - 1), NDArrayIndex.all())
                    .toDoubleVector();
        }
    }

    @Override
    public int vocabSize() {
        return config.vocabSize();
    }

    /** @return what the call returns, which {@link #close} waits for */
    <T> T whileOpen(Supplier<T> call) {
        return lifetime.during(call);
    }

    /**
     * Gives the native memory back, once no other thread is computing with the model: its parameters and gradients, the
     * memory of its plans and of its decoders, those that are open when they are closed. Neither the model nor any
     * array of its own may be used afterwards; such use is refused in a sentence.
     */
    @Override
    public void close() {
        lifetime.end(() -> {
            decoders.close();
            lossAndGradients.close();
            PlanPool.trim();
            gradients.close();
            parameters.close();
        });
    }

    /** @return how often a parameter has been given other values by way of {@link #sameDiff} */
    int timesSet(String name) {
        return timesSet.getOrDefault(name, 0);
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window) {
        return decoder(rows, tokens, window, CacheType.F32);
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window, CacheType cache) {
        return whileOpen(() -> decoders.take(rows, tokens, window, cache));
    }

    /**
     * The mean cross-entropy in nats over the targets that are not {@link Batch#IGNORE_INDEX}, without dropout.
     *
     * @param x ids [B,T]
     * @param y the ids that follow them [B,T]
     * @throws MiniGptException if T is out of range, an id is not in the vocabulary or the shapes differ
     */
    public double loss(int[][] x, int[][] y) {
        return loss(Inputs.array("x", x), Inputs.array("y", y));
    }

    /** {@link #loss(int[][], int[][])} of INT arrays [B,T]. */
    public double loss(INDArray x, INDArray y) {
        return loss(x, y, null);
    }

    /** {@link #loss(INDArray, INDArray)} of a batch, whose rows may hold several texts that do not see each other. */
    public double loss(Batch batch) {
        return loss(batch.xArray(), batch.yArray(), batch.positionsArray());
    }

    private double loss(INDArray x, INDArray y, INDArray positions) {
        Inputs.check(config, x, y);
        return whileOpen(() -> lossAndGradients.loss(x, y, positions, 0, false));
    }

    /** {@link #lossAndGradients(INDArray, INDArray, long)} without dropout. */
    public double lossAndGradients(INDArray x, INDArray y) {
        return lossAndGradients(x, y, 0);
    }

    /**
     * Computes the loss and fills {@link #gradients}.
     *
     * @param x ids [B,T], INT
     * @param y the ids that follow them [B,T], INT
     * @param dropoutKey seed of this batch's dropout masks, another for each; 0 drops nothing
     * @return the loss, in nats
     * @throws MiniGptException as {@link #loss(int[][], int[][])}
     */
    @Override
    public double lossAndGradients(INDArray x, INDArray y, long dropoutKey) {
        return lossAndGradients(x, y, null, dropoutKey, lossAndGradients);
    }

    @Override
    public double lossAndGradients(Batch batch, long dropoutKey) {
        return lossAndGradients(batch.xArray(), batch.yArray(), batch.positionsArray(), dropoutKey, lossAndGradients);
    }

    /**
     * @param positions null if each row is one text
     * @param of computes the gradients that are wanted
     */
    double lossAndGradients(INDArray x, INDArray y, INDArray positions, long dropoutKey, LossAndGradients of) {
        Inputs.check(config, x, y);
        return whileOpen(() -> of.loss(x, y, positions, dropoutKey, true));
    }

    /** @return what computes the gradients of some parameters into a vector, and those of no others */
    LossAndGradients gradientsOf(List<ParameterInfo> some, FlatVector vector) {
        return new LossAndGradients(this, sd, some, vector, replicas);
    }

    Map<String, INDArray> placeholders(INDArray x, INDArray y, long dropoutKey) {
        Map<String, INDArray> result = new HashMap<>();
        result.put(IDS, x);
        if (y != null) {
            result.put(TARGETS, y);
        }
        if (config.dropout().any()) {
            result.put(DROPOUT_KEY, Nd4j.scalar(DataType.INT64, dropoutKey));
        }
        return result;
    }

    /** Collects what a model is made with, besides its configuration. */
    public static final class Builder {
        private final GptConfig config;
        private long seed = 1337;
        private DataType dataType = DataType.FLOAT;
        private OpSet opSet;
        private int replicas = Runtime.getRuntime().availableProcessors();
        private boolean zeroParameters;
        private List<Integer> eosTokenIds = List.of();
        private IntFunction<? extends GraphLayer> block;

        private Builder(GptConfig config) {
            this.config = config;
        }

        /** Sets the seed of the first parameters; 1337, the lecture's, by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets the precision, FLOAT (the default) or DOUBLE. */
        public Builder dataType(DataType dataType) {
            if (dataType != DataType.FLOAT && dataType != DataType.DOUBLE) {
                throw new MiniGptException("a GPT can't be of type " + dataType + "; choose FLOAT or DOUBLE");
            }
            this.dataType = dataType;
            return this;
        }

        /** Sets the ops of the graph; {@link FusedOps} by default. */
        public Builder opSet(OpSet opSet) {
            this.opSet = opSet;
            return this;
        }

        /**
         * Sets among how many threads the rows of a batch are shared out; as many as there are processors by default.
         * Gradients of another number of replicas differ in their last bits.
         */
        public Builder replicas(int replicas) {
            if (replicas < 1) {
                throw new MiniGptException("replicas is " + replicas + " but must be at least 1; set it");
            }
            this.replicas = replicas;
            return this;
        }

        /** Leaves all parameters 0, for a caller that fills them: drawing those of a large model takes seconds. */
        public Builder zeroParameters() {
            this.zeroParameters = true;
            return this;
        }

        /**
         * Sets {@link Gpt#eosTokenIds}; none by default. A tokenizer's own token between texts need not be among them.
         *
         * @throws MiniGptException if one is not in the vocabulary
         */
        public Builder eosTokenIds(Collection<Integer> ids) {
            for (int id : ids) {
                if (id < 0 || id >= config.vocabSize()) {
                    throw new MiniGptException("eos_token_id is " + id + " but must be from 0 to "
                            + (config.vocabSize() - 1) + ", the ids of the vocabulary; correct it");
                }
            }
            this.eosTokenIds = ids.stream().distinct().toList();
            return this;
        }

        /**
         * Replaces the blocks by layers of one's own, each [B,T,C] to [B,T,C]; {@link LayerFactory} has the parts of
         * those that the configuration asks for. The parameters of block i get the prefix {@code h.i}.
         *
         * @param block makes block i, for i from 0 to L-1; called whenever a model's parameters are listed
         */
        public Builder block(IntFunction<? extends GraphLayer> block) {
            this.block = block;
            return this;
        }

        /** @return whether {@link #block} was called */
        public boolean hasOwnBlocks() {
            return block != null;
        }

        /** @return {@link Gpt#declaredParameters} of the model that {@link #build} would make */
        public List<Parameter> declaredParameters() {
            return new GptGraph(config, block).parameters();
        }

        /** @return the model */
        public Gpt build() {
            if (opSet == null) {
                opSet = new FusedOps();
            }
            return new Gpt(this);
        }
    }
}
