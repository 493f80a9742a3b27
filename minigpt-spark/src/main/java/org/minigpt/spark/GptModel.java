package org.minigpt.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWriter;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.minigpt.MiniGptException;
import org.minigpt.generate.Completion;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextScorer;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A GPT as a transformer of Spark ML's, which adds columns to those of a text: the logarithm of its probability, a
 * continuation, an embedding. A column is not computed if its name is empty. An executor has the model once, and
 * continues several texts together. What a row gets does not depend on how the rows are partitioned.
 *
 * <pre>{@code
 * GptModel model = GptModel.of(gpt, tokenizer).setGeneratedCol("continued").setMaxNewTokens(50);
 * Dataset<Row> scored = model.transform(texts); // with a column "text"
 * }</pre>
 */
public final class GptModel extends Model<GptModel> implements MLWritable {
    private static final long serialVersionUID = 1L;

    private static final String FOLDER = "gpt";

    /** Texts that are continued together. */
    private static final int BATCH = 16;

    private final String uid;
    private final transient Gpt gpt;
    private final transient Tokenizer tokenizer;

    private final Param<String> inputCol;
    private final Param<String> logProbabilityCol;
    private final Param<String> generatedCol;
    private final Param<String> embeddingCol;
    private final IntParam maxNewTokens;
    private final DoubleParam temperature;
    private final LongParam seed;

    private GptModel(String uid, Gpt gpt, Tokenizer tokenizer) {
        this.uid = uid;
        this.gpt = gpt;
        this.tokenizer = tokenizer;
        inputCol = new Param<>(uid, "inputCol", "the column of the texts", String.class);
        logProbabilityCol = new Param<>(
                uid, "logProbabilityCol", "gets the sum of ln p of a text's tokens but the first", String.class);
        generatedCol = new Param<>(uid, "generatedCol", "gets what the model continues a text by", String.class);
        embeddingCol = new Param<>(
                uid, "embeddingCol", "gets the mean hidden state of a text's first block_size tokens", String.class);
        maxNewTokens = new IntParam(uid, "maxNewTokens", "of a continuation");
        temperature = new DoubleParam(uid, "temperature", "of a continuation; 0 is the likeliest token");
        seed = new LongParam(uid, "seed", "of a continuation");
        setDefault(inputCol, "text");
        setDefault(logProbabilityCol, "logProbability");
        setDefault(generatedCol, "");
        setDefault(embeddingCol, "");
        setDefault(maxNewTokens, 100);
        setDefault(temperature, 1.0);
        setDefault(seed, 1337L);
    }

    /**
     * @param gpt used as it is when rows are asked for
     * @param tokenizer the one that it was trained with
     */
    public static GptModel of(Gpt gpt, Tokenizer tokenizer) {
        return new GptModel(Identifiable$.MODULE$.randomUID("gptModel"), gpt, tokenizer);
    }

    /** @return the model in this process */
    public Gpt gpt() {
        return gpt;
    }

    /** @return its tokenizer */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public String uid() {
        return uid;
    }

    // Spark ML finds parameters by public methods of their names.

    public Param<String> inputCol() {
        return inputCol;
    }

    public Param<String> logProbabilityCol() {
        return logProbabilityCol;
    }

    public Param<String> generatedCol() {
        return generatedCol;
    }

    public Param<String> embeddingCol() {
        return embeddingCol;
    }

    public IntParam maxNewTokens() {
        return maxNewTokens;
    }

    public DoubleParam temperature() {
        return temperature;
    }

    public LongParam seed() {
        return seed;
    }

    public GptModel setInputCol(String name) {
        set(inputCol, name);
        return this;
    }

    public GptModel setLogProbabilityCol(String name) {
        set(logProbabilityCol, name);
        return this;
    }

    public GptModel setGeneratedCol(String name) {
        set(generatedCol, name);
        return this;
    }

    public GptModel setEmbeddingCol(String name) {
        set(embeddingCol, name);
        return this;
    }

    public GptModel setMaxNewTokens(int tokens) {
        set(maxNewTokens, tokens);
        return this;
    }

    public GptModel setTemperature(double value) {
        set(temperature, value);
        return this;
    }

    public GptModel setSeed(long value) {
        set(seed, value);
        return this;
    }

    @Override
    public GptModel copy(ParamMap extra) {
        return copyValues(new GptModel(uid, gpt, tokenizer), extra).setParent(parent());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        requireTexts(schema, getOrDefault(inputCol));
        StructType result = schema;
        if (!getOrDefault(logProbabilityCol).isEmpty()) {
            result = result.add(getOrDefault(logProbabilityCol), DataTypes.DoubleType);
        }
        if (!getOrDefault(generatedCol).isEmpty()) {
            result = result.add(getOrDefault(generatedCol), DataTypes.StringType);
        }
        if (!getOrDefault(embeddingCol).isEmpty()) {
            result = result.add(getOrDefault(embeddingCol), SQLDataTypes.VectorType());
        }
        return result;
    }

    /** @throws MiniGptException if there is no column of texts of that name */
    static void requireTexts(StructType schema, String column) {
        boolean there = Arrays.asList(schema.fieldNames()).contains(column);
        if (!there || !schema.apply(column).dataType().equals(DataTypes.StringType)) {
            throw new MiniGptException("there is no column of texts \"" + column + "\" among " + schema.simpleString()
                    + "; name one by inputCol");
        }
    }

    @Override
    public Dataset<Row> transform(Dataset<?> dataset) {
        StructType schema = transformSchema(dataset.schema());
        JavaSparkContext context =
                JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
        Broadcast<SentModel> sent = context.broadcast(SentModel.of(gpt, tokenizer));
        int column = Arrays.asList(schema.fieldNames()).indexOf(getOrDefault(inputCol));
        Wanted wanted = new Wanted(
                column,
                !getOrDefault(logProbabilityCol).isEmpty(),
                !getOrDefault(generatedCol).isEmpty(),
                !getOrDefault(embeddingCol).isEmpty(),
                (Integer) getOrDefault(maxNewTokens),
                (Double) getOrDefault(temperature),
                (Long) getOrDefault(seed));
        return dataset.toDF()
                .mapPartitions(
                        (MapPartitionsFunction<Row, Row>) rows -> new Columns(rows, sent.value(), wanted),
                        Encoders.row(schema));
    }

    /** What of a text is asked for. */
    private record Wanted(
            int column,
            boolean logProbability,
            boolean generated,
            boolean embedding,
            int maxNewTokens,
            double temperature,
            long seed)
            implements Serializable {}

    /** A partition's rows with what is added, a batch of them at a time. */
    private static final class Columns implements Iterator<Row> {
        private final Iterator<Row> rows;
        private final Wanted wanted;
        private final Gpt gpt;
        private final Tokenizer tokenizer;
        private final TextScorer scorer;
        private final TextGenerator generator;
        private final SamplingOptions options;
        private Iterator<Row> ready = List.<Row>of().iterator();

        Columns(Iterator<Row> rows, SentModel sent, Wanted wanted) {
            this.rows = rows;
            this.wanted = wanted;
            SentModel.Arrived model = sent.arrive();
            gpt = model.gpt();
            tokenizer = model.tokenizer();
            scorer = new TextScorer(gpt, tokenizer);
            generator = new TextGenerator(gpt, tokenizer);
            options = SamplingOptions.builder()
                    .maxNewTokens(wanted.maxNewTokens)
                    .temperature(wanted.temperature == 0 ? 1 : wanted.temperature)
                    .greedy(wanted.temperature == 0)
                    .seed(wanted.seed)
                    .build();
        }

        @Override
        public boolean hasNext() {
            return ready.hasNext() || rows.hasNext();
        }

        @Override
        public Row next() {
            if (!ready.hasNext()) {
                List<Row> batch = new ArrayList<>();
                while (batch.size() < BATCH && rows.hasNext()) {
                    batch.add(rows.next());
                }
                ready = with(batch).iterator();
            }
            return ready.next();
        }

        private List<Row> with(List<Row> batch) {
            List<String> texts = !wanted.generated
                    ? List.of()
                    : batch.stream().map(this::text).filter(Objects::nonNull).toList();
            Iterator<Completion> continued = texts.isEmpty()
                    ? Collections.emptyIterator()
                    : generator.generateAll(texts, 1, options).iterator();
            List<Row> result = new ArrayList<>();
            for (Row row : batch) {
                List<Object> values = new ArrayList<>();
                for (int i = 0; i < row.size(); i++) {
                    values.add(row.get(i));
                }
                String text = text(row);
                int[] ids = text == null ? new int[0] : tokenizer.encode(text);
                if (wanted.logProbability) {
                    values.add(ids.length < 2 ? null : logProbability(text));
                }
                if (wanted.generated) {
                    values.add(text == null ? null : continued.next().text());
                }
                if (wanted.embedding) {
                    values.add(ids.length == 0 ? null : Vectors.dense(embedding(ids)));
                }
                result.add(RowFactory.create(values.toArray()));
            }
            return result;
        }

        private String text(Row row) {
            return row.getString(wanted.column);
        }

        private double logProbability(String text) {
            return Arrays.stream(scorer.score(text).logProbabilities()).sum();
        }

        private double[] embedding(int[] ids) {
            int[] first = Arrays.copyOf(ids, Math.min(ids.length, gpt.config().blockSize()));
            try (INDArray states = gpt.lastHiddenState(new int[][] {first}); // [1,T,C]
                    INDArray mean = states.mean(0, 1)) {
                return mean.toDoubleVector();
            }
        }
    }

    @Override
    public MLWriter write() {
        return new Writer(this);
    }

    private static final class Writer extends MLWriter {
        private final GptModel model;

        Writer(GptModel model) {
            this.model = model;
        }

        @Override
        public void saveImpl(String path) {
            DefaultParamsWriter.saveMetadata(model, path, sparkSession());
            Configuration hadoop = sparkSession().sparkContext().hadoopConfiguration();
            HadoopFolders.write(
                    HadoopFolders.resolve(path, FOLDER),
                    hadoop,
                    local -> ModelFolder.save(local, model.gpt, model.tokenizer));
        }
    }

    /** @return reads what {@link #write} has written */
    public static MLReader<GptModel> read() {
        return new Reader();
    }

    /** Reads a model from any file system of Hadoop's. */
    public static GptModel load(String path) {
        return read().load(path);
    }

    private static final class Reader extends MLReader<GptModel> {
        @Override
        public GptModel load(String path) {
            DefaultParamsReader.Metadata metadata =
                    DefaultParamsReader.loadMetadata(path, sparkSession(), GptModel.class.getName());
            ModelFolder.SavedModel saved = HadoopFolders.read(
                    HadoopFolders.resolve(path, FOLDER),
                    sparkSession().sparkContext().hadoopConfiguration(),
                    ModelFolder::load);
            GptModel model = new GptModel(metadata.uid(), saved.gpt(), saved.tokenizer());
            metadata.getAndSetParams(model, scala.Option.empty());
            return model;
        }
    }
}
