package org.minigpt.dl4j;

import java.util.Arrays;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The checks that the layers share, with their sentences. */
final class LayerChecks {
    /** Of a layer in a saved network's JSON, unless it has settings that an older library would pass over. */
    static final int FIRST_FORMAT = 1;

    /**
     * With heads that share keys and values, other positions than learned ones, RMSNorm, SwiGLU and its width, two
     * dropout rates.
     */
    static final int FORMAT_WITH_LLAMA = 2;

    /** A head whose matrix is the embedding's. */
    static final int FORMAT_WITH_TIED_HEAD = 3;

    private static final int NEWEST_FORMAT = FORMAT_WITH_TIED_HEAD;

    private LayerChecks() {}

    static void format(String layer, int version) {
        if (version > NEWEST_FORMAT) {
            throw new MiniGptException(layer + " was saved in format " + version
                    + ", but this library reads formats up to " + NEWEST_FORMAT
                    + "; open the network with the version of minigpt-core that saved it, or a newer one");
        }
    }

    /** The remedy for a setting that has no other source. */
    static final String IN_BUILDER = "in its builder";

    /** The remedy for a size that the layer before it may give. */
    static final String FROM_INPUT_TYPE =
            IN_BUILDER + ", or the network's input type to InputType.recurrent(size, steps)";

    static void positive(String layer, String setting, long value, String where) {
        if (value <= 0) {
            throw new MiniGptException(
                    layer + " has " + setting + " " + value + "; set " + setting + " to at least 1 " + where);
        }
    }

    static void dataType(String layer, DataType type) {
        if (type != DataType.FLOAT && type != DataType.DOUBLE) {
            throw new MiniGptException(layer + " computes in FLOAT or DOUBLE, but the network's dataType is " + type
                    + "; set it to one of the two");
        }
    }

    static void minimize(String layer, boolean minimize) {
        if (!minimize) {
            throw new MiniGptException(layer + " is in a network with minimize(false), which DL4J passes over;"
                    + " leave it out: the score is minimized");
        }
    }

    static void weightNoise(String layer, IWeightNoise noise) {
        if (noise != null) {
            throw new MiniGptException(layer + " can't have weightNoise, but got " + noise
                    + "; leave it out, or set dropoutRate or dropOut");
        }
    }

    static void noInputDropout(String layer, IDropout dropout) {
        if (dropout != null) {
            throw new MiniGptException(layer + " takes ids, of which dropOut can drop none, but got "
                    + dropout.getClass().getSimpleName()
                    + "; leave it out, or set dropoutRate, which drops the layer's output");
        }
    }

    /** @param own what the layer's builder may have, besides null */
    static void activation(String layer, IActivation given, IActivation own) {
        if (given != null && !given.equals(own)) {
            throw new MiniGptException(layer + " has no activation of DL4J's, but got " + given
                    + "; leave it out, or set that of a feed-forward, an org.minigpt.graph.FeedForward.Activation");
        }
    }

    static void heads(String layer, long nHeads, long nOut) {
        positive(layer, "nHeads", nHeads, IN_BUILDER);
        if (nOut % nHeads != 0) {
            throw new MiniGptException(layer + " has nOut " + nOut + ", which its nHeads " + nHeads
                    + " does not divide; choose a multiple of it, such as " + (nOut / nHeads + 1) * nHeads);
        }
    }

    static void kvHeads(String layer, long nHeads, long nKvHeads) {
        if (nKvHeads <= 0 || nHeads % nKvHeads != 0) {
            throw new MiniGptException(
                    layer + " has nHeads " + nHeads + ", which its nKvHeads " + nKvHeads
                            + " does not divide; leave nKvHeads out for as many as nHeads, or choose a divisor of it, such as 1");
        }
    }

    /** @param d the width of a head */
    static void positions(String layer, Positions.Kind positions, long d, double theta) {
        boolean rotary = positions == Positions.Kind.ROTARY;
        if (rotary && d % 2 != 0) {
            throw new MiniGptException(layer + " has rotary positions, which turn pairs of entries, but its heads are "
                    + d + " wide; choose nOut and nHeads so that nOut/nHeads is even");
        }
        if (rotary && !(theta > 1 && theta < Double.POSITIVE_INFINITY)
                || !rotary && theta != Positions.Rotary.DEFAULT_THETA) {
            throw new MiniGptException(layer + " has ropeTheta " + theta + " and positions " + positions
                    + "; set it above 1 and with rotary positions only, or leave it out");
        }
    }

    /** Saved networks have no place for it. */
    static void noRopeScaling(Positions.Rotary rotary) {
        if (!rotary.scaling().equals(RopeScaling.NONE)) {
            throw new MiniGptException("rotary positions with " + rotary.scaling() + " are known to Gpt, but not to"
                    + " layers of DL4J; leave the scaling out");
        }
    }

    static void notNegative(String layer, String setting, long value) {
        if (value < 0) {
            throw new MiniGptException(
                    layer + " has " + setting + " " + value + "; leave it out, or set it to at least 1");
        }
    }

    /** @param activation null if none is set */
    static void swiGlu(String layer, boolean swiGlu, Activation activation) {
        if (swiGlu && activation != null) {
            throw new MiniGptException(layer + " has swiGlu, whose activation is always SiLU, but the activation "
                    + activation + "; leave one of the two out");
        }
    }

    static void share(String layer, String setting, double share) {
        if (!(share >= 0 && share < 1)) {
            throw new MiniGptException(
                    layer + " has " + setting + " " + share + "; choose a share from 0 to below 1, such as 0.1");
        }
    }

    static void eps(String layer, double eps) {
        if (!(eps > 0 && eps < 1)) {
            throw new MiniGptException(layer + " has eps " + eps + "; choose one between 0 and 1, such as 1e-5");
        }
    }

    static void same(String layer, long nIn, long nOut) {
        if (nIn != nOut) {
            throw new MiniGptException(layer + " adds to its input and so needs nOut to be nIn, but has nIn " + nIn
                    + " and nOut " + nOut + "; leave nOut out, or set both alike");
        }
    }

    static InputType.InputTypeRecurrent recurrent(String layer, InputType type) {
        if (!(type instanceof InputType.InputTypeRecurrent recurrent)) {
            throw new MiniGptException(layer + " takes sequences, but its input type is " + type
                    + "; set the network's input type to InputType.recurrent(size, steps)");
        }
        return recurrent;
    }

    /** Checks a batch of activations or ids. */
    static void input(GptLayer layer, INDArray input) {
        if (layer.takesIds()) {
            boolean ids = input.rank() == 2 || input.rank() == 3 && (input.size(1) == 1 || input.size(2) == 1);
            if (!ids) {
                throw new MiniGptException(layer.describe() + " takes ids [B,T] or [B,1,T], but got an input of shape "
                        + Arrays.toString(input.shape()) + "; pass the tokens' ids, not one-hot rows of them");
            }
            layer.checkSteps(input.length() / input.size(0));
            return;
        }
        boolean ncw = layer.getDataFormat() == RNNFormat.NCW;
        requireSequences(layer.describe(), input, layer.getNIn(), ncw);
        layer.checkSteps(input.size(ncw ? 2 : 1));
    }

    static void requireSequences(String layer, INDArray input, long nIn, boolean ncw) {
        if (input.rank() != 3 || input.size(ncw ? 1 : 2) != nIn) {
            throw new MiniGptException(layer + " takes " + (ncw ? "[B," + nIn + ",T] (NCW)" : "[B,T," + nIn + "] (NWC)")
                    + ", but got an input of shape " + Arrays.toString(input.shape())
                    + "; set nIn and the data format to those of the layer before it");
        }
    }
}
