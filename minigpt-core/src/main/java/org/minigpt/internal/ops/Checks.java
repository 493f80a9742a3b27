package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The checks that ops share, with their sentences, and the way to read ids. */
final class Checks {
    private Checks() {}

    /** Checks that an input holds INT values in the given shape, of which -1 stands for any size. */
    static void ints(String op, String name, INDArray array, long... expected) {
        boolean same = array.rank() == expected.length && array.dataType() == DataType.INT32;
        for (int i = 0; same && i < expected.length; i++) {
            same = expected[i] < 0 || array.size(i) == expected[i];
        }
        if (!same) {
            throw new MiniGptException(op + " needs " + name + " of shape "
                    + Arrays.toString(expected).replace("-1", "*") + ", but got " + array.dataType() + " "
                    + Arrays.toString(array.shape()) + "; pass INT values of that shape");
        }
    }

    /** Checks that an array of an op for generating only is FLOAT. */
    static void single(String op, INDArray array) {
        if (array.dataType() != DataType.FLOAT) {
            throw new MiniGptException(op + " computes in FLOAT, but got " + array.dataType()
                    + "; generate without a cache, as Gpt.decoder does by itself");
        }
    }

    /** Checks the number of inputs, that none is empty and that all floating-point ones are FLOAT, or all DOUBLE. */
    static void inputs(String op, List<INDArray> in, int min, int max) {
        if (in.size() < min || in.size() > max) {
            throw new MiniGptException(op + " takes " + (min == max ? "" : min + " to ") + max
                    + (max == 1 ? " input" : " inputs") + ", but got "
                    + in.size() + "; see its javadoc");
        }
        DataType type = null;
        for (INDArray array : in) {
            if (array.isEmpty()) {
                throw new MiniGptException(op + " can't do anything with an empty array, but got " + array.dataType()
                        + " " + Arrays.toString(array.shape()) + "; pass at least one entry");
            }
            DataType t = array.dataType();
            if (t.isFPType()) {
                boolean known = t == DataType.FLOAT || t == DataType.DOUBLE;
                if (!known || type != null && t != type) {
                    throw new MiniGptException(
                            op + " needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got "
                                    + (known ? type + " and " : "") + t + "; cast them to one of the two");
                }
                type = t;
            }
        }
    }

    /** Checks that an input that may have any shape has a last axis, and holds floating-point values. */
    static void rows(String op, String name, INDArray array) {
        if (array.rank() == 0 || !array.dataType().isFPType()) {
            throw new MiniGptException(
                    op + " needs " + name + " of type FLOAT or DOUBLE with at least one axis, but got "
                            + array.dataType() + " " + Arrays.toString(array.shape()) + "; cast or reshape it");
        }
    }

    /** Checks that a floating-point input has the given shape, of which -1 stands for any size. */
    static void shape(String op, String name, INDArray array, long... expected) {
        boolean same = array.rank() == expected.length && array.dataType().isFPType();
        for (int i = 0; same && i < expected.length; i++) {
            same = expected[i] < 0 || array.size(i) == expected[i];
        }
        if (!same) {
            throw new MiniGptException(op + " needs " + name + " of shape "
                    + Arrays.toString(expected).replace("-1", "*") + ", but got " + array.dataType() + " "
                    + Arrays.toString(array.shape()) + "; pass floating-point values of that shape");
        }
    }

    /** Checks that an input holds whole numbers. */
    static void integers(String op, String name, INDArray array) {
        if (array.dataType() != DataType.INT32 && array.dataType() != DataType.INT64) {
            throw new MiniGptException(
                    op + " needs " + name + " of type INT or LONG, but got " + array.dataType() + "; cast them");
        }
    }

    /** Checks that an input that is known to hold whole numbers has so many. */
    static void vector(String op, String name, INDArray array, long length) {
        if (array.rank() != 1 || array.length() != length) {
            throw new MiniGptException(op + " needs " + name + " of shape [" + length + "], but got "
                    + Arrays.toString(array.shape()) + "; pass a number for each row of the batch");
        }
    }

    /** @return the positions of first tokens, once all are known to be there */
    static int[] past(String op, int[] past, long positions) {
        for (int i = 0; i < past.length; i++) {
            if (past[i] < 0 || past[i] >= positions) {
                throw new MiniGptException(op + ": past[" + i + "] is " + past[i] + ", but positions go from 0 to "
                        + (positions - 1) + "; crop the sequence to its last tokens");
            }
        }
        return past;
    }

    /** Checks that an input holds a whole number for each token [B,T]. */
    static void tokens(String op, String name, INDArray array, INDArray tokens) {
        integers(op, name, array);
        if (array.rank() != 2 || array.size(0) != tokens.size(0) || array.size(1) != tokens.size(1)) {
            throw new MiniGptException(op + " needs " + name + " of shape [" + tokens.size(0) + "," + tokens.size(1)
                    + "], but got " + Arrays.toString(array.shape()) + "; pass a number for each token");
        }
    }

    /** @return positions in rows of t tokens, once each is known to be 0, where a text begins, or one more than the last */
    static int[] positions(String op, int[] positions, int t) {
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] != 0 && (i % t == 0 || positions[i] != positions[i - 1] + 1)) {
                throw new MiniGptException(op + ": positions[" + i / t + "," + i % t + "] is " + positions[i]
                        + ", but a row begins at 0, and then each is one more than the one before, or 0 where a text"
                        + " begins; correct them");
            }
        }
        return positions;
    }

    /** @return a kernel that gets its {@link #positions} before it runs; the kernel itself if these are null */
    static Runnable beforeEachRun(String op, Ints positions, int t, Runnable kernel) {
        return positions == null
                ? kernel
                : () -> {
                    positions(op, positions.read(), t);
                    kernel.run();
                };
    }

    /** Checks the numbers of heads, before anything is divided by them. */
    static void heads(String op, int heads, int kvHeads) {
        if (heads < 1) {
            throw new MiniGptException(op + " needs at least 1 head, but got " + heads + "; change n_head");
        }
        if (kvHeads < 1 || heads % kvHeads != 0) {
            throw new MiniGptException(op + " can't share " + kvHeads + " heads of keys and values among " + heads
                    + " of queries; choose an n_kv_head that divides n_head");
        }
    }

    /** Checks that a row of qkv holds whole heads of queries, keys and values, of one width. */
    static void queryKeyValue(String op, INDArray qkv, int heads, int kvHeads) {
        shape(op, "qkv", qkv, -1, -1, -1);
        if (qkv.size(2) % (heads + 2 * kvHeads) != 0) {
            throw new MiniGptException(
                    kvHeads == heads
                            ? op + " needs the last axis of qkv to be 3·n_embd with n_embd divisible by its " + heads
                                    + " heads, but got " + qkv.size(2) + "; change n_head or n_embd"
                            : op + " needs the last axis of qkv to be " + heads + " heads of queries and twice "
                                    + kvHeads + " of keys and values, but got " + qkv.size(2)
                                    + "; change n_head, n_kv_head or n_embd");
        }
    }

    /** Checks the share that a dropout drops. */
    static void share(String op, double p) {
        if (!(p >= 0 && p < 1)) {
            throw new MiniGptException(op + " can't drop a share of " + p + "; choose one from 0 to below 1");
        }
    }

    /** Checks that every id is below {@code size}, or is {@code except}. */
    static void ids(String op, String name, int[] ids, long size, int except) {
        for (int i = 0; i < ids.length; i++) {
            if ((ids[i] < 0 || ids[i] >= size) && ids[i] != except) {
                throw new MiniGptException(op + ": " + name + "[" + i + "] is " + ids[i] + ", but ids go from 0 to "
                        + (size - 1) + "; encode the text with the model's own tokenizer");
            }
        }
    }

    /** @return the number of entries but for the last axis */
    static int rows(INDArray array) {
        return Math.toIntExact(array.length() / array.size(array.rank() - 1));
    }
}
