package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.model.Lora;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

class LoraCheckpointTest {
    @TempDir
    Path dir;

    private static Trainer trainer(int maxIters) {
        TrainConfig config = TinyRun.config().maxIters(maxIters).build();
        Lora lora = Lora.attach(TinyRun.trainer(config, 7).gpt(), Lora.Config.ofRank(2), 1);
        return new Trainer(lora, TinyRun.DATA, config);
    }

    @Test
    void goesOnBitForBit() {
        Trainer whole = trainer(9);
        whole.run();
        Trainer first = trainer(6);
        first.addListener(Checkpoints.of(dir, first).build()).run();

        Trainer second = trainer(9);
        Checkpoint.last(dir).restore(second);
        assertEquals(6, second.iteration());
        second.run();

        assertArrayEquals(
                whole.trained().flatParameters().toFloatVector(),
                second.trained().flatParameters().toFloatVector());
        assertArrayEquals(
                whole.gpt().flatParameters().toFloatVector(),
                second.gpt().flatParameters().toFloatVector());
        ((Lora) whole.trained()).detach();
        ((Lora) second.trained()).detach();
        assertArrayEquals(
                whole.gpt().flatParameters().toFloatVector(),
                second.gpt().flatParameters().toFloatVector());
    }

    @Test
    void isOfTheSameKindOfRun() {
        Trainer adapter = trainer(3);
        adapter.addListener(Checkpoints.of(dir, adapter).build()).run();
        Trainer whole = TinyRun.trainer(TinyRun.config().build(), 7);
        Path checkpoint = dir.resolve("iter-00000003");
        assertSentence(
                "The checkpoint " + checkpoint + " is of a run that trained an adapter, but this one trains a whole"
                        + " model: go on with the options that it had.",
                () -> Checkpoint.last(dir).restore(whole));
    }
}
