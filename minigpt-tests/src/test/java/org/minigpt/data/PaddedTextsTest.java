package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.NoSuchElementException;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;

/** DL4J's iterators over texts of unequal length and over a whole split. */
class PaddedTextsTest {
    /** Rows of 3 tokens at most: 5 6 | 1 2 3, 4 | 7 8 9. */
    private final PaddedTexts texts =
            new PaddedTexts(List.of(new int[] {5, 6, 7}, new int[] {1, 2, 3, 4, 0}, new int[] {7, 8, 9, 1}), 2, 3);

    @Test
    void aRowHoldsATextAndIsPaddedBehind() {
        TokenDataSetIterator iterator = new TokenDataSetIterator(texts);
        assertEquals(4, texts.rowCount());

        DataSet first = iterator.next();
        assertEquals(array(new int[][] {{5, 6, 0}, {1, 2, 3}}), first.getFeatures());
        assertEquals(array(new int[][] {{6, 7, -1}, {2, 3, 4}}), first.getLabels());
        INDArray mask = Nd4j.createFromArray(new float[][] {{1, 1, 0}, {1, 1, 1}});
        assertEquals(mask, first.getFeaturesMaskArray());
        assertEquals(mask, first.getLabelsMaskArray());

        // What is left of the second text, 4 with the target 0, beside the third.
        DataSet second = iterator.next();
        assertEquals(array(new int[][] {{4, 0, 0}, {7, 8, 9}}), second.getFeatures());
        assertEquals(array(new int[][] {{0, -1, -1}, {8, 9, 1}}), second.getLabels());
        assertFalse(iterator.hasNext());
        assertThrows(NoSuchElementException.class, iterator::next);
        iterator.reset();
        assertEquals(first.getFeatures(), iterator.next().getFeatures());
    }

    @Test
    void aBatchIsAsWideAsItsLongestRow() {
        TokenMultiDataSetIterator iterator =
                new TokenMultiDataSetIterator(new PaddedTexts(List.of(new int[] {1, 2}, new int[] {3, 4}), 5, 100));
        MultiDataSet batch = iterator.next();
        assertEquals(array(new int[][] {{1}, {3}}), batch.getFeatures(0));
        assertEquals(array(new int[][] {{2}, {4}}), batch.getLabels(0));
        assertNull(batch.getLabelsMaskArrays(), "every target counts");
    }

    /** 8 tokens make 7 targets: windows of 3, 3 and 1. */
    @Test
    void aWholeSplitIsMaskedWhereItEnds() {
        SequentialWindows windows = new SequentialWindows(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, 2, 3);
        TokenMultiDataSetIterator iterator = new TokenMultiDataSetIterator(windows);
        assertNull(iterator.next().getFeaturesMaskArrays());
        MultiDataSet last = iterator.next();
        assertEquals(array(new int[][] {{6, 0, 0}}), last.getFeatures(0));
        assertEquals(array(new int[][] {{7, -1, -1}}), last.getLabels(0));
        assertEquals(Nd4j.createFromArray(new float[][] {{1, 0, 0}}), last.getFeaturesMaskArray(0));
        assertFalse(iterator.hasNext());
    }

    /** Targets 2, none and 0 of 3 tokens. */
    @Test
    void labelsMayBeOneHotInBothFormats() {
        Batch batch = new Batch(1, 3, new int[] {1, 1, 1}, new int[] {2, Batch.IGNORE_INDEX, 0});
        INDArray nwc = Nd4j.createFromArray(new float[][][] {{{0, 0, 1}, {0, 0, 0}, {1, 0, 0}}}); // [B,T,V]
        assertEquals(nwc, batch.oneHotArray(3, RNNFormat.NWC));
        assertEquals(nwc.permute(0, 2, 1), batch.oneHotArray(3, RNNFormat.NCW));
        assertSentence(
                "the batch has the target 2, but one-hot labels of 2 tokens go from 0 to 1; give the tokenizer's"
                        + " vocab_size",
                () -> batch.oneHotArray(2, RNNFormat.NCW));

        TokenMultiDataSetIterator multi = new TokenMultiDataSetIterator(texts).withOneHotLabels(10, RNNFormat.NWC);
        assertArrayEquals(new long[] {2, 3, 10}, multi.next().getLabels(0).shape());
        TokenDataSetIterator single = new TokenDataSetIterator(texts).withOneHotLabels(10, RNNFormat.NWC);
        assertArrayEquals(new long[] {2, 3, 10}, single.next().getLabels().shape());
    }

    @Test
    void serializesWithItsPosition() throws IOException, ClassNotFoundException {
        TokenDataSetIterator iterator = new TokenDataSetIterator(texts);
        iterator.next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(iterator);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertEquals(
                    iterator.next().getFeatures(),
                    ((TokenDataSetIterator) in.readObject()).next().getFeatures());
        }
    }

    @Test
    void textsWithoutATargetAreRefused() {
        assertSentence("there are no texts; give at least one", () -> new PaddedTexts(List.of(), 2, 3));
        assertSentence(
                "text 1 has 1 token, but a token and its target are two; leave it out, or put an end-of-text token"
                        + " behind each",
                () -> new PaddedTexts(List.of(new int[] {1, 2}, new int[] {1}), 2, 3));
        assertSentence(
                "the number of rows of a batch is 0 but must be at least 1; set it",
                () -> new TokenDataSetIterator(texts).next(0));
    }

    private static INDArray array(int[][] values) {
        return Nd4j.createFromArray(values);
    }
}
