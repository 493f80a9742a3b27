package org.minigpt.checkpoint;

import java.util.Random;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.LearningRate;
import org.minigpt.train.MuonConfig;
import org.minigpt.train.MuonConfig.Iteration;
import org.minigpt.train.MuonConfig.Scale;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/** A run that takes no time and uses everything that a run can. */
final class TinyRun {
    static final TokenDataset DATA =
            TokenDataset.split(new Random(3).ints(400, 0, 5).toArray(), 0.8);

    private TinyRun() {}

    static TrainConfig.Builder config() {
        return TrainConfig.builder()
                .batchSize(3)
                .gradientAccumulationSteps(2)
                .maxIters(9)
                .gradClip(0.5)
                .optimizer(new MuonConfig(
                        AdamWConfig.nanoGpt(),
                        2,
                        1,
                        0.5,
                        0.95,
                        5,
                        0.1,
                        Scale.SPECTRAL,
                        Iteration.POLAR_EXPRESS)) // and AdamW
                .learningRate(LearningRate.warmupCosine(1e-2, 1e-3, 3, 20))
                .evalInterval(3)
                .evalIters(2)
                .skipOutliers(6);
    }

    /** @param seed of the first parameters */
    static Trainer trainer(TrainConfig config, long seed) {
        Gpt gpt = Gpt.builder(GptConfig.builder()
                        .vocabSize(5)
                        .blockSize(4)
                        .nLayer(2)
                        .nHead(2)
                        .nEmbd(8)
                        .dropout(0.2)
                        .build())
                .seed(seed)
                .replicas(2)
                .build();
        return new Trainer(gpt, DATA, config);
    }
}
