package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.minigpt.data.PackedTexts.Text;

/** Texts with labels, packed into windows. */
class PackedTextsTest {
    private static final int NONE = Batch.IGNORE_INDEX;

    /** @return a text whose ids from one on are to be learnt */
    private static Text text(int learntFrom, int... ids) {
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, learntFrom, NONE);
        return new Text(ids, labels);
    }

    @Test
    void aWindowTakesWhatThereIsRoomFor() {
        // Inputs: 2, 4 and 3 tokens, as the last of a text is a target only. In windows of 5: 2 + 3, and 4.
        PackedTexts packed =
                new PackedTexts(List.of(text(1, 1, 2, 3), text(3, 4, 5, 6, 7, 8), text(2, 9, 10, 11, 12)), 2, 5, 1);

        assertEquals(2, packed.windowCount());
        assertEquals(1, packed.batchCount());
        Batch batch = packed.iterator().next();
        assertEquals(
                new Batch(
                        2,
                        5,
                        new int[] {1, 2, 9, 10, 11, 4, 5, 6, 7, 0},
                        new int[] {2, 3, NONE, 11, 12, NONE, NONE, 7, 8, NONE},
                        new int[] {0, 1, 0, 1, 2, 0, 1, 2, 3, 0}),
                batch);
        assertEquals(6, batch.targetCount());
        assertEquals(batch.positionsArray().toIntMatrix()[1][3], 3);
    }

    @Test
    void whatIsTooLongIsCutOrLeftOut() {
        // T + 1 = 4 tokens fit: of the first text the token 3 is learnt, of the second nothing is before its fifth.
        PackedTexts packed =
                new PackedTexts(List.of(text(2, 1, 2, 3, 4, 5, 6), text(4, 1, 2, 3, 4, 5), text(1, 7, 8)), 1, 3, 1);
        assertEquals(1, packed.cut());
        assertEquals(1, packed.leftOut());
        assertEquals(2, packed.windowCount());
        assertArrayEquals(new int[] {NONE, 3, 4}, packed.iterator().next().y());
    }

    /** Each window once an epoch, in another order each, and a batch again if it is asked for again. */
    @Test
    void batchesShuffleTheWindows() {
        List<Text> texts = IntStream.range(0, 10)
                .mapToObj(i -> text(1, 2 * i, 2 * i + 1, 99))
                .toList();
        PackedTexts packed = new PackedTexts(texts, 3, 2, 5);
        assertEquals(10, packed.windowCount());
        assertEquals(4, packed.batchCount());
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            Batch batch = packed.batch(i);
            assertEquals(batch, packed.batch(i));
            for (int row = 0; row < 3; row++) {
                order.add(batch.x()[2 * row] / 2);
            }
        }
        List<Integer> all = IntStream.range(0, 10).boxed().toList();
        for (int epoch = 0; epoch < 6; epoch++) {
            List<Integer> once = order.subList(10 * epoch, 10 * epoch + 10);
            assertEquals(all, once.stream().sorted().toList());
        }
        assertNotEquals(order.subList(0, 10), order.subList(10, 20));
        assertNotEquals(packed.batch(0), new PackedTexts(texts, 3, 2, 6).batch(0));
        int rows = 0;
        for (Batch batch : packed) {
            rows += batch.batchSize();
        }
        assertEquals(10, rows);
    }

    @Test
    void badTextsAreNamed() {
        assertSentence(
                "a text has 2 tokens, but 1 labels; give one for each token", () -> new Text(new int[2], new int[1]));
        assertSentence(
                "the label of token 1 is 5, but the token is 4; give the token itself, or -1",
                () -> new Text(new int[] {3, 4}, new int[] {3, 5}));
        // Nothing is before the first token, so it can't be learnt.
        assertSentence(
                "there is nothing to learn in the 2 texts, or not before token 9; give others, or a larger block size",
                () -> new PackedTexts(
                        List.of(text(2, 1, 2), new Text(new int[] {1, 2}, new int[] {1, NONE})), 1, 8, 1));
    }
}
