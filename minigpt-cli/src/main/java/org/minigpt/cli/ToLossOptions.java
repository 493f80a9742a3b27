package org.minigpt.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.minigpt.cli.bench.ResultLines;
import org.minigpt.cli.bench.ToLossBench;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What {@code minigpt bench --to-loss} trains, and to where. */
final class ToLossOptions {
    private static final Set<String> OWN = Set.of("--to-loss", "--preset", "--seeds", "--stacktrace");

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(
            names = "--to-loss",
            paramLabel = "LOSS",
            description =
                    "Train as minigpt train does until the loss on the whole validation split is at most this, and"
                            + " tell how long that took without the evaluations. Options of train may stand behind --.")
    private Double loss;

    @Option(names = "--preset", paramLabel = "NAME", description = "What --to-loss trains [lecture].")
    private SettingsOptions.Preset preset;

    @Option(
            names = "--seeds",
            paramLabel = "N",
            split = ",",
            description = "Of --to-loss: some, as 1,2,3, each in a JVM of its own [1337].")
    private List<Long> seeds = List.of();

    @Parameters(hidden = true)
    private List<String> ofTrain = List.of();

    /** What is wrong with the options together, if anything is. */
    Optional<String> conflict() {
        if (loss == null) {
            return preset == null && seeds.isEmpty() && ofTrain.isEmpty()
                    ? Optional.empty()
                    : Optional.of("--preset, --seeds and options of train behind -- are for --to-loss: add that, or"
                            + " leave them out.");
        }
        return command.options().stream()
                .map(OptionSpec::longestName)
                .filter(option -> !OWN.contains(option)
                        && command.commandLine().getParseResult().hasMatchedOption(option))
                .findFirst()
                .map(option -> option + " is not for --to-loss, which trains as minigpt train does: put options of that"
                        + " behind --.");
    }

    /** Measures and prints. */
    void run(ResultLines lines) {
        if (seeds.size() <= 1) {
            TrainCommand.Recipe recipe = TrainCommand.recipe(recipe(seeds).toArray(String[]::new));
            new ToLossBench(loss, recipe.shape(), recipe.config(), recipe.data(), recipe.replicas()).run(lines);
            return;
        }
        Map<Long, List<String>> ofSeeds = new LinkedHashMap<>();
        for (Long seed : seeds) {
            List<String> ofSeed = new ArrayList<>(List.of("bench", "--to-loss", loss.toString(), "--"));
            ofSeed.addAll(recipe(List.of(seed)));
            ofSeeds.put(seed, ofSeed);
        }
        ToLossBench.ofSeeds(MiniGpt.class, ofSeeds, lines);
    }

    private List<String> recipe(List<Long> seed) {
        List<String> options = new ArrayList<>();
        if (preset != null) {
            options.addAll(List.of("--preset", EnumOption.spell(preset)));
        }
        seed.forEach(one -> options.addAll(List.of("--seed", one.toString())));
        options.addAll(ofTrain);
        return options;
    }
}
