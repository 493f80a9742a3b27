package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.minigpt.data.Tokens;

class BigramBaselineTest {

    @Test
    void learnsWhatFollowsWhat() {
        // After 0 and 1 comes the next of 0 to 2; after 2, either of 0 and 1 with equal chances: ln 2 where it stands.
        Random random = new Random(1);
        int[] ids = new int[3000];
        for (int i = 1; i < ids.length; i++) {
            ids[i] = ids[i - 1] < 2 ? ids[i - 1] + 1 : random.nextInt(2);
        }
        int twos = 0;
        for (int i = 0; i < ids.length - 1; i++) {
            twos += ids[i] == 2 ? 1 : 0;
        }
        double best = Math.log(2) * twos / (ids.length - 1);
        BigramBaseline model = new BigramBaseline(3, 1);
        Tokens tokens = Tokens.of(ids);
        double before = model.loss(tokens);

        model.train(tokens, 1000);

        assertTrue(before > best + 0.3, before + " before");
        // What is certain is learnt to 98 % by then.
        assertEquals(best, model.loss(tokens), 0.03);
    }
}
