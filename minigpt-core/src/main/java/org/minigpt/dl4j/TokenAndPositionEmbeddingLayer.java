package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Embedding;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.Positions;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Token plus learned position embedding: ids [B,T], or [B,1,T], of any type to wte[ids] + wpe[0..T), [B,nOut,T].
 * Parameters {@code wte.weight} [V,C] and {@code wpe.weight} [blockSize,C]. Rotary positions and ALiBi are the blocks':
 * {@code positions} tells this layer to add none.
 *
 * <pre>{@code
 * new TokenAndPositionEmbeddingLayer.Builder().nIn(vocabSize).nOut(64).blockSize(32).build()
 * }</pre>
 */
public final class TokenAndPositionEmbeddingLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long blockSize;
    private Positions.Kind positions = Positions.Kind.LEARNED;
    private double dropoutRate;

    /** For DL4J, when it reads a saved network. */
    TokenAndPositionEmbeddingLayer() {}

    private TokenAndPositionEmbeddingLayer(Builder builder) {
        super(builder);
        LayerChecks.noInputDropout(describe(), builder.getIDropout());
        blockSize = builder.blockSize;
        positions = builder.positions.kind();
        dropoutRate = builder.dropoutRate;
        if (positions != Positions.Kind.LEARNED) {
            requireFormat(LayerChecks.FORMAT_WITH_LLAMA);
        }
    }

    @Override
    protected GraphLayer fragment() {
        boolean learned = positions == Positions.Kind.LEARNED;
        return new Embedding(getNIn(), blockSize, getNOut(), learned, Initializer.zeros(), dropoutRate);
    }

    @Override
    protected void check() {
        LayerChecks.positive(describe(), "nIn", getNIn(), "in its builder: it is the number of tokens");
        super.check();
        LayerChecks.positive(describe(), "blockSize", blockSize, LayerChecks.FROM_INPUT_TYPE);
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
    }

    @Override
    boolean takesIds() {
        return true;
    }

    @Override
    void checkSteps(long t) {
        if (t > blockSize) {
            throw new MiniGptException(describe() + " got sequences of " + t + " tokens, but its blockSize is "
                    + blockSize + "; crop them to their last " + blockSize);
        }
    }

    /** A step without a position of its own is that of its id, wherever it stands. */
    @Override
    protected boolean isStepwise() {
        return positions != Positions.Kind.LEARNED;
    }

    /**
     * Takes blockSize from the steps of the input type if it is not set. V is not taken from its size: that of ids is
     * 1.
     */
    @Override
    public void setNIn(InputType inputType, boolean override) {
        long vocabSize = getNIn();
        super.setNIn(inputType, override);
        setNIn(vocabSize);
        long steps = LayerChecks.recurrent(describe(), inputType).getTimeSeriesLength();
        if (blockSize <= 0 && steps > 0) {
            blockSize = steps;
        }
    }

    /** @return the longest sequence, in tokens */
    public long getBlockSize() {
        return blockSize;
    }

    /** @return LEARNED if the layer adds positions, else what the blocks do instead */
    public Positions.Kind getPositions() {
        return positions;
    }

    /** @return the share of the embeddings' entries that is dropped in training */
    public double getDropoutRate() {
        return dropoutRate;
    }

    @Override
    GptLayerImpl implementation(NeuralNetConfiguration conf, DataType dataType) {
        return new Impl(conf, dataType);
    }

    /** Of a class of its own for the name that a network's summary shows. */
    private static final class Impl extends GptLayerImpl {
        private static final long serialVersionUID = 1L;

        Impl(NeuralNetConfiguration conf, DataType dataType) {
            super(conf, dataType);
        }
    }

    /** Collects the settings: {@code nIn} is V, {@code nOut} is C. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private long blockSize;
        private Positions positions = new Positions.Learned();
        private double dropoutRate;

        /** Sets the longest sequence, in tokens; the steps of the input type by default. */
        public Builder blockSize(long blockSize) {
            this.blockSize = blockSize;
            return this;
        }

        /**
         * Sets what knows positions: learned ones, the default, this layer; others the blocks, and {@code wpe} is not
         * there.
         */
        public Builder positions(Positions positions) {
            this.positions = positions;
            return this;
        }

        /** Sets the share of the embeddings' entries that is dropped in training; 0 by default. */
        public Builder dropoutRate(double dropoutRate) {
            this.dropoutRate = dropoutRate;
            return this;
        }

        @Override
        public TokenAndPositionEmbeddingLayer build() {
            return new TokenAndPositionEmbeddingLayer(this);
        }
    }
}
