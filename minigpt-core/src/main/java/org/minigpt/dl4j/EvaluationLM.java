package org.minigpt.dl4j;

import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.minigpt.MiniGptException;
import org.nd4j.evaluation.BaseEvaluation;
import org.nd4j.evaluation.IEvaluation;
import org.nd4j.evaluation.IMetric;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;

/**
 * What a language model in a network is worth: loss, perplexity and accuracy over the tokens that count. Unlike DL4J's
 * {@code Evaluation} it keeps no confusion matrix [V,V] and takes labels as {@link LanguageModelOutputLayer} does: ids
 * [B,T], where the ignore index and what the labels' mask leaves out do not count, or one-hot.
 *
 * <pre>{@code
 * EvaluationLM evaluation = network.doEvaluation(iterator, new EvaluationLM())[0];
 * evaluation.perplexity();
 * }</pre>
 */
@JsonAutoDetect(
        fieldVisibility = JsonAutoDetect.Visibility.ANY,
        getterVisibility = JsonAutoDetect.Visibility.NONE,
        isGetterVisibility = JsonAutoDetect.Visibility.NONE)
@SuppressWarnings("rawtypes") // as DL4J's own are: IMetric's class of an evaluation has no parameter
public final class EvaluationLM extends BaseEvaluation<EvaluationLM> {
    private static final long serialVersionUID = 1L;

    /** How far the probabilities of a step may be from 1 in sum: far more than FLOAT rounds. */
    private static final double SLACK = 1e-2;

    private RNNFormat format;
    private boolean logits;
    private long count;
    private long correct;
    private double sum;

    /** What can be asked for by {@link #getValue}, as early stopping does. */
    public enum Metric implements IMetric {
        /** Nats a token. */
        LOSS,
        /** exp(loss). */
        PERPLEXITY,
        /** The share of tokens that were the likeliest. */
        ACCURACY;

        @Override
        public Class<? extends IEvaluation> getEvaluationClass() {
            return EvaluationLM.class;
        }

        @Override
        public boolean minimize() {
            return this != ACCURACY;
        }
    }

    /** Of probabilities [B,V,T]. */
    public EvaluationLM() {
        this(RNNFormat.NCW, Activation.SOFTMAX);
    }

    /**
     * @param format NCW for predictions [B,V,T], NWC for [B,T,V]
     * @param activation the output layer's: SOFTMAX for probabilities, IDENTITY for logits
     * @throws MiniGptException if it is another
     */
    public EvaluationLM(RNNFormat format, Activation activation) {
        if (activation != Activation.SOFTMAX && activation != Activation.IDENTITY) {
            throw new MiniGptException("an evaluation of a language model can't have the activation " + activation
                    + "; choose SOFTMAX for probabilities or IDENTITY for logits");
        }
        this.format = format;
        this.logits = activation == Activation.IDENTITY;
    }

    /**
     * Adds a batch.
     *
     * @param labels ids [B,T], [B,1,T] or [B,T,1], or one-hot in the shape of the predictions
     * @param predictions [B,V,T], or [B,T,V] in NWC
     * @param mask [B,T] with 0 for what does not count, or null
     * @throws MiniGptException if the shapes do not fit, or the predictions are no probabilities
     */
    @Override
    public void eval(
            INDArray labels, INDArray predictions, INDArray mask, List<? extends Serializable> recordMetaData) {
        if (predictions.rank() != 3) {
            throw new MiniGptException("an evaluation of a language model takes predictions of three axes, [B,V,T] or"
                    + " [B,T,V], but got " + predictions.rank() + "; give the output of a LanguageModelOutputLayer");
        }
        INDArray rows = format == RNNFormat.NCW ? predictions.permute(0, 2, 1) : predictions; // (B,T,V)
        int v = (int) rows.size(2);
        LanguageModelOutputLayer head = new LanguageModelOutputLayer.Builder()
                .nOut(v)
                .dataFormat(format)
                .build();
        int[] targets = Targets.of(head, labels, mask, (int) rows.size(0), (int) rows.size(1))
                .values();
        double[] values = rows.dup('c').reshape(rows.length()).toDoubleVector();
        for (int i = 0; i < targets.length; i++) {
            if (targets[i] != head.getIgnoreIndex()) {
                add(values, i * v, v, targets[i]);
            }
        }
    }

    private void add(double[] values, int from, int v, int target) {
        double max = Double.NEGATIVE_INFINITY;
        for (int k = from; k < from + v; k++) {
            max = Math.max(max, values[k]);
        }
        double total = 0;
        for (int k = from; k < from + v; k++) {
            total += logits ? Math.exp(values[k] - max) : values[k];
        }
        if (!logits && Math.abs(total - 1) > SLACK) {
            throw new MiniGptException(
                    "the predictions of a step add up to " + total + ", so they are no probabilities;"
                            + " name the format and the activation of the network's output layer, as in"
                            + " new EvaluationLM(RNNFormat.NWC, Activation.IDENTITY)");
        }
        double value = values[from + target];
        sum += logits ? max + Math.log(total) - value : -Math.log(value);
        correct += value == max ? 1 : 0;
        count++;
    }

    /** @return how many tokens counted */
    public long count() {
        return count;
    }

    /** @return the mean loss in nats a token; NaN if none counted */
    public double loss() {
        return sum / count;
    }

    /** @return exp(loss) */
    public double perplexity() {
        return Math.exp(loss());
    }

    /** @return the share of tokens that were the likeliest; NaN if none counted */
    public double accuracy() {
        return (double) correct / count;
    }

    @Override
    public double getValue(IMetric metric) {
        if (!(metric instanceof Metric known)) {
            throw new MiniGptException(
                    "an evaluation of a language model has no " + metric + "; ask for one of EvaluationLM.Metric");
        }
        return switch (known) {
            case LOSS -> loss();
            case PERPLEXITY -> perplexity();
            case ACCURACY -> accuracy();
        };
    }

    @Override
    public void merge(EvaluationLM other) {
        count += other.count;
        correct += other.correct;
        sum += other.sum;
    }

    @Override
    public void reset() {
        count = 0;
        correct = 0;
        sum = 0;
    }

    @Override
    public EvaluationLM newInstance() {
        return new EvaluationLM(format, logits ? Activation.IDENTITY : Activation.SOFTMAX);
    }

    @Override
    public String stats() {
        return String.format(
                Locale.ROOT,
                "%d tokens: loss %.4f, perplexity %.3f, accuracy %.4f",
                count,
                loss(),
                perplexity(),
                accuracy());
    }
}
