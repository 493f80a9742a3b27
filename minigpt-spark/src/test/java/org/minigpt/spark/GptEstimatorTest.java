package org.minigpt.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.RegressionEvaluator;
import org.apache.spark.ml.feature.SQLTransformer;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextScorer;

class GptEstimatorTest {
    private static JavaSparkContext context;
    private static SparkSession session;

    @TempDir
    private Path dir;

    @BeforeAll
    static void start() {
        context = Cluster.start(2);
        session = SparkSession.builder().sparkContext(context.sc()).getOrCreate();
    }

    @AfterAll
    static void stop() {
        context.stop();
    }

    private static Dataset<Row> texts(int count) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            texts.add("the cat sat on mat number " + i + " and slept");
        }
        return session.createDataset(texts, Encoders.STRING()).repartition(3).toDF("text");
    }

    private static GptEstimator estimator() {
        return new GptEstimator()
                .setBlockSize(16)
                .setNLayer(1)
                .setNHead(2)
                .setNEmbd(16)
                .setBatchSize(4)
                .setMaxIters(40);
    }

    @Test
    void rowsGetWhatTheModelSaysInThisProcess() {
        GptModel model = estimator()
                .fit(texts(40))
                .setGeneratedCol("next")
                .setEmbeddingCol("embedding")
                .setMaxNewTokens(5);
        List<String> some = Arrays.asList("the cat", "a", null, "mat number 7");
        Dataset<Row> input = session.createDataset(some.subList(0, 2), Encoders.STRING())
                .toDF("text")
                .union(session.sql("select cast(null as string) as text"))
                .union(session.sql("select 'mat number 7' as text"));

        List<Row> rows = model.transform(input).collectAsList();

        TextScorer scorer = new TextScorer(model.gpt(), model.tokenizer());
        TextGenerator generator = new TextGenerator(model.gpt(), model.tokenizer());
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(5).build();
        for (int i = 0; i < some.size(); i++) {
            String text = some.get(i);
            Row row = rows.get(i);
            assertEquals(text, row.getAs("text"));
            if (text == null) {
                assertNull(row.getAs("logProbability"));
                assertNull(row.getAs("next"));
                assertNull(row.getAs("embedding"));
                continue;
            }
            if (text.length() < 2) {
                assertNull(row.getAs("logProbability"));
            } else {
                double expected =
                        Arrays.stream(scorer.score(text).logProbabilities()).sum();
                assertEquals(expected, row.<Double>getAs("logProbability"));
            }
            assertEquals(generator.generate(text, options), row.getAs("next"));
            int[] ids = model.tokenizer().encode(text);
            assertArrayEquals(
                    model.gpt().lastHiddenState(new int[][] {ids}).mean(0, 1).toDoubleVector(),
                    row.<Vector>getAs("embedding").toArray(),
                    1e-6);
        }
    }

    @Test
    void worksInAPipelineThatIsSavedAndRead() throws IOException {
        SQLTransformer upper = new SQLTransformer().setStatement("SELECT upper(text) AS text FROM __THIS__");
        Pipeline pipeline = new Pipeline()
                .setStages(new PipelineStage[] {upper, estimator().setWorkers(2).setLocalSteps(10)});
        PipelineModel model = pipeline.fit(texts(30));
        String saved = dir.resolve("pipeline").toUri().toString();

        pipeline.write().overwrite().save(dir.resolve("stages").toUri().toString());
        model.write().overwrite().save(saved);
        PipelineModel read = PipelineModel.load(saved);
        Pipeline stages = Pipeline.load(dir.resolve("stages").toUri().toString());

        assertEquals(16, (Integer) ((GptEstimator) stages.getStages()[1])
                .get(((GptEstimator) stages.getStages()[1]).nEmbd())
                .get());
        assertEquals(
                model.transform(texts(5)).select("logProbability").collectAsList(),
                read.transform(texts(5)).select("logProbability").collectAsList());
    }

    @Test
    void aCrossValidatorFindsTheModelThatLearns() {
        GptEstimator estimator = estimator().setVocabSize(270); // of bytes: the other fold has characters of its own
        ParamMap[] grid = new ParamGridBuilder()
                .addGrid(estimator.maxIters(), new int[] {0, 120})
                .build();
        // The nearer to 0 the logarithm of the probability is, the better.
        Dataset<Row> labelled = texts(30).selectExpr("text", "cast(0 as double) as label");
        CrossValidatorModel best = new CrossValidator()
                .setEstimator(estimator)
                .setEstimatorParamMaps(grid)
                .setEvaluator(new RegressionEvaluator().setPredictionCol("logProbability"))
                .setNumFolds(2)
                .fit(labelled);

        GptModel model = (GptModel) best.bestModel();
        assertEquals(
                120, model.parent().extractParamMap().get(estimator.maxIters()).get());
        assertTrue(best.avgMetrics()[1] < best.avgMetrics()[0], Arrays.toString(best.avgMetrics()));
    }

    @Test
    void refusesWhatIsNoText() {
        Dataset<Row> numbers = session.range(3).toDF("text");

        String message = assertThrows(MiniGptException.class, () -> estimator().fit(numbers))
                .getMessage();
        assertTrue(message.contains("there is no column of texts \"text\""), message);
    }
}
