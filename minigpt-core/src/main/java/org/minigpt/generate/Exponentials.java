package org.minigpt.generate;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.parallel.Workers;

/**
 * exp((logit - max) / temperature) of each token, and their sum: what probabilities, draws and log-probabilities are
 * made of. They take most of a draw's time, so a token's draw and its log-probability share them.
 */
final class Exponentials {
    /** Logits that are worth a thread: the parts depend on their number only, and so do the bits of the sum. */
    private static final int LOGITS_A_THREAD = 8_192;

    private final double[] logits;
    private final double max;
    private final double[] values;
    private final double total;

    /**
     * From the maximum, so that nothing overflows.
     *
     * @throws org.minigpt.MiniGptException if no logit is a number to choose by
     */
    Exponentials(double[] logits, double temperature) {
        this.logits = logits;
        this.max = logits[Logits.argMax(logits)];
        this.values = new double[logits.length];
        int parts = Math.max(1, logits.length / LOGITS_A_THREAD);
        double[] sums = new double[parts];
        Workers.run(new Work() {
            @Override
            public int parts() {
                return parts;
            }

            @Override
            public void run(int part) {
                int to = Work.cut(logits.length, part + 1, parts, 1);
                double sum = 0;
                for (int id = Work.cut(logits.length, part, parts, 1); id < to; id++) {
                    values[id] = Math.exp((logits[id] - max) / temperature);
                    sum += values[id];
                }
                sums[part] = sum;
            }
        });
        double sum = 0;
        for (double part : sums) {
            sum += part;
        }
        total = sum;
    }

    /** @return the probabilities, which add up to 1 */
    double[] probabilities() {
        double[] result = new double[values.length];
        for (int id = 0; id < result.length; id++) {
            result[id] = values[id] / total;
        }
        return result;
    }

    /** @return the token at which the sum of the probabilities, in the order of the ids, exceeds {@code uniform} */
    int tokenAt(double uniform) {
        double left = uniform * total;
        int chosen = 0;
        for (int id = 0; id < values.length; id++) {
            if (values[id] > 0) {
                // Kept in case rounding leaves something after the last.
                chosen = id;
                left -= values[id];
                if (left < 0) {
                    break;
                }
            }
        }
        return chosen;
    }

    /** @return the natural logarithm of a token's probability, if the temperature is 1 */
    double logProbability(int id) {
        return logits[id] - (max + Math.log(total));
    }

    /**
     * @return the {@code count} likeliest tokens with their log-probabilities, or all if there are fewer; of equally
     *     likely ones the lower ids first
     */
    List<GeneratedToken.Candidate> likeliest(int count) {
        if (count == 0) {
            return List.of();
        }
        Ranking ranking = new Ranking(logits);
        List<GeneratedToken.Candidate> result = new ArrayList<>();
        for (int i = 0; i < Math.min(count, logits.length); i++) {
            int id = ranking.next();
            result.add(new GeneratedToken.Candidate(id, logProbability(id)));
        }
        return result;
    }
}
