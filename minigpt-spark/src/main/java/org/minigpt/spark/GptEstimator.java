package org.minigpt.spark;

import java.util.Iterator;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * Trains a GPT on a column of texts, as an estimator of Spark ML's. The texts are put one after the other, with line ends
 * between, in the driver, which must have room for them; the last tenth validates. The defaults are the lecture's small
 * GPT, of characters: its model refuses texts with others, which one of bytes, by {@code vocabSize}, does not.
 *
 * <pre>{@code
 * GptModel model = new GptEstimator().setMaxIters(1000).setWorkers(4).fit(texts); // with a column "text"
 * }</pre>
 */
public final class GptEstimator extends Estimator<GptModel> implements DefaultParamsWritable {
    private static final long serialVersionUID = 1L;

    private static final double TRAIN = 0.9;

    private final String uid;
    private final Param<String> inputCol;
    private final IntParam vocabSize;
    private final IntParam blockSize;
    private final IntParam nLayer;
    private final IntParam nHead;
    private final IntParam nEmbd;
    private final DoubleParam dropout;
    private final IntParam batchSize;
    private final IntParam maxIters;
    private final DoubleParam learningRate;
    private final LongParam seed;
    private final IntParam workers;
    private final IntParam localSteps;

    /** An estimator with the defaults. */
    public GptEstimator() {
        this(Identifiable$.MODULE$.randomUID("gpt"));
    }

    /** @param uid under which it is saved; Spark ML makes what it reads so */
    public GptEstimator(String uid) {
        this.uid = uid;
        inputCol = new Param<>(uid, "inputCol", "the column of the texts", String.class);
        vocabSize = new IntParam(uid, "vocabSize", "of a byte-level BPE that is trained; 0 is one of characters");
        blockSize = new IntParam(uid, "blockSize", "T, the tokens of a context");
        nLayer = new IntParam(uid, "nLayer", "L, the blocks");
        nHead = new IntParam(uid, "nHead", "H, the heads");
        nEmbd = new IntParam(uid, "nEmbd", "C, the width");
        dropout = new DoubleParam(uid, "dropout", "the share that is dropped");
        batchSize = new IntParam(uid, "batchSize", "B, the windows of a step");
        maxIters = new IntParam(uid, "maxIters", "the steps");
        learningRate = new DoubleParam(uid, "learningRate", "of AdamW");
        seed = new LongParam(uid, "seed", "of parameters, batches and dropout");
        workers = new IntParam(uid, "workers", "that share the steps; 0 trains in the driver");
        localSteps = new IntParam(uid, "localSteps", "H of a round of DiLoCo; 0 makes each step one of all workers");
        setDefault(inputCol, "text");
        setDefault(vocabSize, 0);
        setDefault(blockSize, 32);
        setDefault(nLayer, 4);
        setDefault(nHead, 4);
        setDefault(nEmbd, 64);
        setDefault(dropout, 0.0);
        setDefault(batchSize, 16);
        setDefault(maxIters, 5000);
        setDefault(learningRate, 1e-3);
        setDefault(seed, 1337L);
        setDefault(workers, 0);
        setDefault(localSteps, 100);
    }

    @Override
    public String uid() {
        return uid;
    }

    // Spark ML finds parameters by public methods of their names.

    public Param<String> inputCol() {
        return inputCol;
    }

    public IntParam vocabSize() {
        return vocabSize;
    }

    public IntParam blockSize() {
        return blockSize;
    }

    public IntParam nLayer() {
        return nLayer;
    }

    public IntParam nHead() {
        return nHead;
    }

    public IntParam nEmbd() {
        return nEmbd;
    }

    public DoubleParam dropout() {
        return dropout;
    }

    public IntParam batchSize() {
        return batchSize;
    }

    public IntParam maxIters() {
        return maxIters;
    }

    public DoubleParam learningRate() {
        return learningRate;
    }

    public LongParam seed() {
        return seed;
    }

    public IntParam workers() {
        return workers;
    }

    public IntParam localSteps() {
        return localSteps;
    }

    public GptEstimator setInputCol(String name) {
        return with(inputCol, name);
    }

    public GptEstimator setVocabSize(int size) {
        return with(vocabSize, size);
    }

    public GptEstimator setBlockSize(int tokens) {
        return with(blockSize, tokens);
    }

    public GptEstimator setNLayer(int blocks) {
        return with(nLayer, blocks);
    }

    public GptEstimator setNHead(int heads) {
        return with(nHead, heads);
    }

    public GptEstimator setNEmbd(int width) {
        return with(nEmbd, width);
    }

    public GptEstimator setDropout(double share) {
        return with(dropout, share);
    }

    public GptEstimator setBatchSize(int windows) {
        return with(batchSize, windows);
    }

    public GptEstimator setMaxIters(int steps) {
        return with(maxIters, steps);
    }

    public GptEstimator setLearningRate(double rate) {
        return with(learningRate, rate);
    }

    public GptEstimator setSeed(long value) {
        return with(seed, value);
    }

    public GptEstimator setWorkers(int count) {
        return with(workers, count);
    }

    public GptEstimator setLocalSteps(int steps) {
        return with(localSteps, steps);
    }

    private <T> GptEstimator with(Param<T> parameter, T value) {
        set(parameter, value);
        return this;
    }

    @Override
    public GptEstimator copy(ParamMap extra) {
        return copyValues(new GptEstimator(uid), extra);
    }

    /** The model's columns, by its own defaults. */
    @Override
    public StructType transformSchema(StructType schema) {
        GptModel.requireTexts(schema, getOrDefault(inputCol));
        return schema.add("logProbability", DataTypes.DoubleType);
    }

    @Override
    public GptModel fit(Dataset<?> dataset) {
        transformSchema(dataset.schema());
        String text = text(dataset.select(getOrDefault(inputCol)).toDF());
        Tokenizer tokenizer = integer(vocabSize) == 0
                ? CharTokenizer.fromCorpus(text)
                : BpeTrainer.of(text).train(integer(vocabSize));
        GptConfig config = GptConfig.builder()
                .vocabSize(tokenizer.vocabSize())
                .blockSize(integer(blockSize))
                .nLayer(integer(nLayer))
                .nHead(integer(nHead))
                .nEmbd(integer(nEmbd))
                .dropout((Double) getOrDefault(dropout))
                .build();
        Gpt gpt = Gpt.create(config, (Long) getOrDefault(seed));
        trainer(dataset, gpt, TokenDataset.split(tokenizer.encode(text), TRAIN)).run();
        return GptModel.of(gpt, tokenizer).setInputCol(getOrDefault(inputCol)).setParent(this);
    }

    private Trainer trainer(Dataset<?> dataset, Gpt gpt, TokenDataset data) {
        int steps = integer(maxIters);
        TrainConfig training = TrainConfig.builder()
                .batchSize(integer(batchSize))
                .maxIters(steps)
                .learningRate((Double) getOrDefault(learningRate))
                .evalInterval(Math.max(1, steps)) // once, since nobody watches
                .evalIters(1)
                .seed((Long) getOrDefault(seed))
                .build();
        int count = integer(workers);
        if (count == 0) {
            return new Trainer(gpt, data, training);
        }
        ClusterMode mode =
                integer(localSteps) == 0 ? new ClusterMode.Exact(count) : new ClusterMode.Local(integer(localSteps));
        JavaSparkContext context =
                JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
        return new SparkGptTrainer(context, count, mode).trainer(gpt, data, training);
    }

    private int integer(IntParam parameter) {
        return (Integer) getOrDefault(parameter);
    }

    private static String text(Dataset<Row> texts) {
        StringBuilder all = new StringBuilder();
        for (Iterator<Row> rows = texts.toLocalIterator(); rows.hasNext(); ) {
            Row row = rows.next();
            if (!row.isNullAt(0)) {
                all.append(row.getString(0)).append('\n');
            }
        }
        if (all.length() == 0) {
            throw new MiniGptException("there are no texts to train on; give a column with some");
        }
        return all.toString();
    }

    /** @return reads what {@code write} has written */
    public static MLReader<GptEstimator> read() {
        return new DefaultParamsReader<>();
    }
}
