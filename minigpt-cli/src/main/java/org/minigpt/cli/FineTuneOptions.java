package org.minigpt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.minigpt.model.Trainable;
import picocli.CommandLine.Option;

/** From which model to start, and what of it to train. */
final class FineTuneOptions {
    private static final int SHOWN_CHARACTERS = 8;

    @Option(
            names = "--init-from",
            paramLabel = "DIR",
            description =
                    "Begin with the parameters of the model in this folder, with its shape and its tokens, to which"
                            + " new characters of the text are added. --dropout is as given, and --block-size may crop the context.")
    Path initFrom;

    @Option(
            names = "--lora-rank",
            paramLabel = "R",
            defaultValue = "0",
            description = "Train only a low-rank adapter (LoRA) of this rank to the model of --init-from; 0 trains all"
                    + " parameters [${DEFAULT-VALUE}].")
    private int loraRank;

    @Option(names = "--lora-alpha", paramLabel = "X", description = "Scales the adapter by X/R [--lora-rank].")
    private Double loraAlpha;

    @Option(
            names = "--lora-targets",
            paramLabel = "NAMES",
            defaultValue = "c_attn",
            description = "The linear layers that are adapted, of c_attn, c_proj and c_fc, or of Llama's layers q_proj,"
                    + " k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj, with commas between"
                    + " [${DEFAULT-VALUE}].")
    private String loraTargets;

    /**
     * What is wrong with the options together, if anything is.
     *
     * @param isGiven tells options that the user gave from defaults
     * @param overfitOneBatch whether the run is that check
     */
    Optional<String> conflict(Predicate<String> isGiven, boolean overfitOneBatch) {
        if (loraRank == 0) {
            return Stream.of("--lora-alpha", "--lora-targets")
                    .filter(isGiven)
                    .findFirst()
                    .map(option -> option + " shapes the adapter of --lora-rank: add that, or leave it out.");
        }
        if (initFrom == null) {
            return Optional.of("--lora-rank adapts a model that is there, but there is no --init-from: add that, or"
                    + " leave it out.");
        }
        return overfitOneBatch
                ? Optional.of("--overfit-one-batch trains all parameters, not an adapter: leave it out, or set"
                        + " --lora-rank 0.")
                : Optional.empty();
    }

    /**
     * Puts right what is recorded: the folder as it is found from any working directory, and no adapter if there is
     * none.
     */
    void record(Map<String, String> values) {
        if (initFrom != null) {
            values.put("init-from", initFrom.toAbsolutePath().normalize().toString());
        }
        if (loraRank == 0) {
            values.keySet().removeAll(Set.of("lora-alpha", "lora-targets"));
        }
    }

    /**
     * Checks that what is trained can learn the text: no adapter has the rows of characters that are new to its model.
     *
     * @throws MiniGptException if an adapter is asked for, and there are such characters
     */
    void requireKnownTokens(StartingModel start) {
        List<String> all = start.newTokens();
        if (loraRank == 0 || all.isEmpty()) {
            return;
        }
        List<String> shown = new ArrayList<>(all.subList(0, Math.min(SHOWN_CHARACTERS, all.size())));
        if (all.size() > shown.size()) {
            shown.add((all.size() - shown.size()) + " more");
        }
        String last = shown.remove(shown.size() - 1);
        throw new MiniGptException("the text has " + (shown.isEmpty() ? "" : String.join(", ", shown) + " and ") + last
                + ", which the model of --init-from does not know, and an adapter would leave their rows as they are drawn:"
                + " train all parameters, without --lora-rank, or take them out of the text");
    }

    /**
     * What the optimizer is to step.
     *
     * @param seed of an adapter's first values
     * @throws MiniGptException if an adapter is asked for, but is impossible
     */
    Trainable trained(Gpt gpt, long seed) {
        if (loraRank == 0) {
            return gpt;
        }
        double alpha = loraAlpha == null ? loraRank : loraAlpha;
        return Lora.attach(
                gpt,
                new Lora.Config(loraRank, alpha, List.of(loraTargets.strip().split("\\s*,\\s*"))),
                seed);
    }
}
