package org.minigpt.cli;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.generate.SamplingOptions;
import picocli.CommandLine.Option;

/** The options that say how tokens are chosen. */
final class SamplerOptions {
    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            defaultValue = "500",
            description = "Tokens to write [${DEFAULT-VALUE}].")
    private int maxNewTokens;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "1.0",
            description = "Above 0: the lower, the more it keeps to what is likely [${DEFAULT-VALUE}].")
    private double temperature;

    @Option(names = "--greedy", description = "Always take the most likely token.")
    private boolean greedy;

    @Option(names = "--top-k", paramLabel = "K", description = "Choose among the K likeliest tokens [all].")
    private Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Choose among the likeliest tokens that make up the share P of the probability [all].")
    private Double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Choose among tokens at least P times as likely as the likeliest [all].")
    private Double minP;

    @Option(
            names = "--typical-p",
            paramLabel = "P",
            description = "Choose among the share P of tokens whose surprise is nearest to the expected one [all].")
    private Double typicalP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            description = "Above 1 makes tokens of the text so far less likely [1].")
    private Double repetitionPenalty;

    @Option(
            names = "--presence-penalty",
            paramLabel = "X",
            description = "Subtracted from the logits of tokens that have been written [0].")
    private Double presencePenalty;

    @Option(names = "--no-repeat-ngram", paramLabel = "N", description = "Never write N tokens again [repeats].")
    private Integer noRepeatNgram;

    @Option(names = "--ban", paramLabel = "ID", description = "A token that must not come; may be repeated.")
    private List<Integer> banned = new ArrayList<>();

    @Option(names = "--stop", paramLabel = "TEXT", description = "Ends a sample and is left out; may be repeated.")
    private List<String> stop = new ArrayList<>();

    @Option(
            names = "--stop-token-ids",
            paramLabel = "ID",
            split = ",",
            description = "Tokens that end a sample beside the model's own, with commas between; may be repeated.")
    private List<Integer> stopTokenIds = new ArrayList<>();

    @Option(names = "--ignore-eos", description = "Go on where the model ends its text.")
    private boolean ignoreEos;

    @Option(
            names = "--window",
            paramLabel = "KIND",
            defaultValue = "exact",
            description = "Beyond the model's context: exact, each token sees all of it; or halving, between half and"
                    + " all of it, which is faster [${DEFAULT-VALUE}].")
    private Window window;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1337",
            description = "The same seed gives the same text [${DEFAULT-VALUE}].")
    private long seed;

    /**
     * Checks what only the model can tell.
     *
     * @throws MiniGptException if a token is banned that it does not have
     */
    void requireIdsOf(int vocabSize) {
        for (int id : banned) {
            if (id >= vocabSize) {
                throw new MiniGptException("--ban is " + id + ", but the ids of the model run from 0 to "
                        + (vocabSize - 1) + ": give one of these, or leave it out.");
            }
        }
        if (banned.stream().distinct().count() == vocabSize) {
            throw new MiniGptException("--ban forbids all " + vocabSize + " tokens of the model: leave some out.");
        }
    }

    /** @return what is given, checked */
    SamplingOptions.Builder builder() {
        SamplingOptions.Builder builder = SamplingOptions.builder()
                .maxNewTokens(maxNewTokens)
                .temperature(temperature)
                .greedy(greedy)
                .stop(stop)
                .stopIds(stopTokenIds)
                .ignoreEos(ignoreEos)
                .window(window)
                .seed(seed);
        if (topK != null) {
            builder.topK(topK);
        }
        if (topP != null) {
            builder.topP(topP);
        }
        if (minP != null) {
            builder.minP(minP);
        }
        if (typicalP != null) {
            builder.typicalP(typicalP);
        }
        if (repetitionPenalty != null) {
            builder.repetitionPenalty(repetitionPenalty);
        }
        if (presencePenalty != null) {
            builder.presencePenalty(presencePenalty);
        }
        if (noRepeatNgram != null) {
            builder.noRepeatNgram(noRepeatNgram);
        }
        if (!banned.isEmpty()) {
            builder.bannedIds(banned.toArray(Integer[]::new));
        }
        builder.build(); // complains before a model is read
        return builder;
    }
}
