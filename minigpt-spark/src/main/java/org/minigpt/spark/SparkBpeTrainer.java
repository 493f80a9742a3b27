package org.minigpt.spark;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import scala.Tuple2;

/**
 * Byte-level BPE of a column of texts. Executors count the pieces, which no merge goes across; the driver merges pairs
 * within the different ones, of which there are few beside the text.
 */
public final class SparkBpeTrainer {
    private SparkBpeTrainer() {}

    /**
     * Makes the tokenizer that {@link BpeTrainer} makes of the same texts, each {@linkplain BpeTrainer#end ended}.
     *
     * @param texts with a column of texts; nulls count for nothing
     * @param vocabSize V, as for {@link BpeTrainer#train}
     * @param specialTokens get ids, and no token goes across them
     * @throws org.minigpt.MiniGptException if there is no such column, or as {@link BpeTrainer}
     */
    public static BpeTokenizer train(Dataset<?> texts, String column, int vocabSize, String... specialTokens) {
        GptModel.requireTexts(texts.schema(), column);
        BpeTrainer trainer = new BpeTrainer(specialTokens);
        Iterator<Tuple2<String, Long>> counts = texts.select(column)
                .toDF()
                .javaRDD()
                .mapPartitionsToPair(rows -> count(rows, specialTokens))
                .reduceByKey(Long::sum)
                .toLocalIterator();
        while (counts.hasNext()) {
            Tuple2<String, Long> piece = counts.next();
            trainer.add(Map.of(piece._1(), piece._2()));
        }
        return trainer.train(vocabSize);
    }

    private static Iterator<Tuple2<String, Long>> count(Iterator<Row> rows, String... specialTokens) {
        BpeTrainer trainer = new BpeTrainer(specialTokens);
        while (rows.hasNext()) {
            Row row = rows.next();
            if (!row.isNullAt(0)) {
                trainer.add(row.getString(0)).end();
            }
        }
        List<Tuple2<String, Long>> counts = trainer.pieces().entrySet().stream()
                .map(piece -> new Tuple2<>(piece.getKey(), piece.getValue()))
                .toList();
        return counts.iterator();
    }
}
