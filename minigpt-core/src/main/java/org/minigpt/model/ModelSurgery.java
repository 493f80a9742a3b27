package org.minigpt.model;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Copies of a model with another context or vocabulary; of one with blocks of one's own there are none. */
public final class ModelSurgery {
    /** The parameters with a row, or an entry, for each token. */
    private static final Set<String> OF_TOKENS = Set.of("wte.weight", "lm_head.weight", "lm_head.bias");

    private ModelSurgery() {}

    /**
     * A copy that takes shorter contexts only, as nanoGPT's {@code crop_block_size}: the positions beyond are dropped,
     * and the logits of what fits stay the same.
     *
     * @param blockSize the new longest context, in tokens
     * @throws MiniGptException if it is not below the present one, or is not positive, or if the model has
     *     blocks of one's own
     */
    public static Gpt cropBlockSize(Gpt gpt, int blockSize) {
        requireKnownBlocks(gpt);
        if (blockSize >= gpt.config().blockSize()) {
            throw new MiniGptException("block_size is " + gpt.config().blockSize()
                    + " and can only be cropped, not set to " + blockSize + "; choose a smaller one");
        }
        GptConfig config = gpt.config().toBuilder().blockSize(blockSize).build();
        return copied(gpt, builder(config, gpt).zeroParameters().build());
    }

    /**
     * A copy with more tokens. Those that it had keep their ids and their logits; the rows of new ones are drawn as the
     * model's first parameters were, to be trained.
     *
     * @param vocabSize V of the copy
     * @param seed of the new rows
     * @throws MiniGptException if it is not above the present one, or if the model has blocks of one's own
     */
    public static Gpt growVocabulary(Gpt gpt, int vocabSize, long seed) {
        requireKnownBlocks(gpt);
        if (vocabSize <= gpt.config().vocabSize()) {
            throw new MiniGptException("vocab_size is " + gpt.config().vocabSize()
                    + " and can only grow, not be set to " + vocabSize + "; choose a larger one");
        }
        GptConfig config = gpt.config().toBuilder().vocabSize(vocabSize).build();
        return copied(gpt, builder(config, gpt).seed(seed).build());
    }

    /**
     * Copies the parameters of a model into another, which may have a shorter context or other tokens, or more; all
     * else of the two must be of one shape.
     *
     * @param oldIds for each token of {@code to} its id in {@code from}, or -1 for a new one, whose rows stay as they
     *     were drawn
     * @throws MiniGptException if the models do not fit each other, or an id is out of range; {@code to} then is as it
     *     was
     */
    public static void copy(Gpt from, Gpt to, int[] oldIds) {
        requireKnownBlocks(from);
        GptConfig shape = from.config().toBuilder()
                .vocabSize(to.config().vocabSize())
                .blockSize(to.config().blockSize())
                .dropout(to.config().dropout())
                .build();
        if (to.config().blockSize() > from.config().blockSize()) {
            throw new MiniGptException("block_size is " + from.config().blockSize() + " and can't be made longer, to "
                    + to.config().blockSize() + ", since the positions beyond are not trained; choose at most "
                    + from.config().blockSize());
        }
        if (!shape.equals(to.config())) {
            throw new MiniGptException("a model can't be copied into one of another shape, which differs in "
                    + differences(shape, to.config())
                    + "; only vocabulary, dropout and a shorter block_size may differ");
        }
        if (oldIds.length != to.config().vocabSize()) {
            throw new MiniGptException("there are " + oldIds.length + " ids for a vocabulary of "
                    + to.config().vocabSize() + "; give one for each token");
        }
        for (int id : oldIds) {
            if (id < -1 || id >= from.config().vocabSize()) {
                throw new MiniGptException("token id " + id + " is not in the vocabulary of "
                        + from.config().vocabSize() + "; give the ids of the model's own tokens, and -1 for new ones");
            }
        }
        from.parameters().forEach((name, source) -> {
            INDArray target = to.parameters().get(name);
            if (OF_TOKENS.contains(name)) {
                copyTokens(source, target, oldIds);
            } else {
                NativeMemory.copy(rows(source, target.size(0)), target);
            }
        });
    }

    private static String differences(GptConfig one, GptConfig other) {
        try {
            List<String> names = new ArrayList<>();
            for (RecordComponent component : CheckedConfig.class.getRecordComponents()) {
                Object a = component.getAccessor().invoke(one);
                Object b = component.getAccessor().invoke(other);
                if (!a.equals(b)) {
                    names.add(component.getName() + ", " + a + " and " + b);
                }
            }
            return String.join("; ", names);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e); // they are public
        }
    }

    private static void copyTokens(INDArray source, INDArray target, int[] oldIds) {
        for (int id = 0; id < oldIds.length; id++) {
            if (oldIds[id] >= 0) {
                NativeMemory.copy(source.slice(oldIds[id]), target.slice(id));
            }
        }
    }

    private static void requireKnownBlocks(Gpt gpt) {
        if (gpt.hasOwnBlocks()) {
            throw new MiniGptException(
                    "a model with blocks of your own can't be cropped or grown, since they may depend"
                            + " on its sizes; make one of the new size with Gpt.builder and copy its parameters");
        }
    }

    private static Gpt.Builder builder(GptConfig config, Gpt gpt) {
        return Gpt.builder(config).dataType(gpt.dataType()).eosTokenIds(gpt.eosTokenIds());
    }

    /** Copies what both have: the first rows of each parameter. */
    private static Gpt copied(Gpt from, Gpt to) {
        from.parameters().forEach((name, source) -> {
            INDArray target = to.parameters().get(name);
            long rows = Math.min(source.size(0), target.size(0));
            NativeMemory.copy(rows(source, rows), rows(target, rows));
        });
        return to;
    }

    private static INDArray rows(INDArray array, long count) {
        INDArrayIndex first = NDArrayIndex.interval(0, count);
        return array.rank() == 1 ? array.get(first) : array.get(first, NDArrayIndex.all());
    }
}
