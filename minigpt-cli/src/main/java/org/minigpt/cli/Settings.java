package org.minigpt.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.text.TextFiles;
import picocli.CommandLine;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Unmatched;

/**
 * Values of options from files: what the command line does not give comes from {@code --config}, then from
 * {@code --resume}, then from {@code --from-run}, then from {@code --preset}, and then it is the option's own default.
 *
 * <p>A file is a {@link SettingsFile}; its keys are the options' names, with dashes or as nanoGPT's with underscores.
 */
final class Settings implements IDefaultValueProvider {
    /** The file of a run's folder that {@code --from-run} reads. */
    static final String OF_RUN = "train.properties";

    /** Options that say where options come from, or are of the moment. */
    private static final Set<String> NOT_SETTINGS =
            Set.of("help", "version", "stacktrace", "config", "preset", "from-run", "resume");

    private final List<Layer> layers = new ArrayList<>();

    /** @param given whether the user chose its values for this run, as those of the command line */
    private record Layer(String source, Map<String, String> values, boolean given) {}

    /** The options that name the files, read before the others since those get their defaults first. */
    private static final class Sources {
        @CommandLine.Mixin
        private SettingsOptions options = new SettingsOptions();

        @Unmatched
        private List<String> others = new ArrayList<>();
    }

    /**
     * Reads the files that a command line names.
     *
     * @param command of which they are to be options
     * @throws MiniGptException if a file can't be read, or names what is no option
     */
    static Settings of(CommandSpec command, String... args) {
        Settings settings = new Settings();
        SettingsOptions options = sources(args);
        if (options.config != null) {
            settings.add(options.config.toString(), parse(options.config), true, command);
        }
        if (options.resume != null) {
            Path file = Resumption.of(options.resume).checkpoint().path().resolve(OF_RUN);
            settings.add(file.toString(), parse(file), false, command);
        }
        if (options.fromRun != null) {
            settings.add(options.fromRun.resolve(OF_RUN).toString(), ofRun(options.fromRun), false, command);
        }
        if (options.preset != null) {
            settings.add("preset " + EnumOption.spell(options.preset), ofPreset(options.preset), false, command);
        }
        return settings;
    }

    private static SettingsOptions sources(String... args) {
        Sources sources = new Sources();
        try {
            CommandLine parser = new CommandLine(sources)
                    .registerConverter(Path.class, new PathOption())
                    .setExpandAtFiles(false);
            EnumOption.registerAll(parser);
            parser.parseArgs(args);
        } catch (ParameterException e) {
            // The command's own parser says what is wrong.
            return new SettingsOptions();
        }
        return sources.options;
    }

    private static Map<String, String> ofRun(Path folder) {
        if (!Files.exists(folder.resolve(OF_RUN))) {
            throw new MiniGptException(folder + " is not the folder of a run, it has no " + OF_RUN
                    + ": give one that minigpt train wrote with --out-dir.");
        }
        return parse(folder.resolve(OF_RUN));
    }

    private static Map<String, String> ofPreset(SettingsOptions.Preset preset) {
        String file = "presets/" + EnumOption.spell(preset) + ".properties";
        try (InputStream in = Settings.class.getResourceAsStream(file)) {
            return SettingsFile.parse(file, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, String> parse(Path file) {
        return SettingsFile.parse(file.toString(), TextFiles.readUtf8(file));
    }

    private void add(String source, Map<String, String> values, boolean given, CommandSpec command) {
        for (String option : values.keySet()) {
            if (NOT_SETTINGS.contains(option) || command.findOption("--" + option) == null) {
                throw new MiniGptException(
                        source + " sets " + SettingsFile.shown(option) + ", which is no option that it can set: take it"
                                + " out, or see minigpt train --help for the names.");
            }
        }
        layers.add(new Layer(source, values, given));
    }

    @Override
    public String defaultValue(ArgSpec argument) {
        String value = value(argument);
        return value == null ? null : value.replace("$", "$$"); // else picocli puts variables in the place of ${...}
    }

    /** @return what a file gives, or null */
    String value(ArgSpec argument) {
        return layer(argument).map(layer -> layer.values.get(key(argument))).orElse(null);
    }

    /** @return what the earlier run that goes on, or is repeated, recorded of an option, such as {@code --n-layer} */
    Optional<String> recorded(String option) {
        return layers.stream()
                .filter(layer -> layer.source.endsWith(OF_RUN) && !layer.given)
                .findFirst()
                .map(layer -> layer.values.get(option.replaceFirst("^--", "")));
    }

    /** The file that an option's value comes from, unless the command line gives one. */
    Optional<String> source(ArgSpec argument) {
        return layer(argument).map(Layer::source);
    }

    /** @return whether {@code --config} gives an option, such as {@code --n-layer} */
    boolean isGiven(String option) {
        return layers.stream()
                .anyMatch(layer -> layer.given && layer.values.containsKey(option.replaceFirst("^--", "")));
    }

    private Optional<Layer> layer(ArgSpec argument) {
        return argument.isOption()
                ? layers.stream()
                        .filter(layer -> layer.values.containsKey(key(argument)))
                        .findFirst()
                : Optional.empty();
    }

    private static String key(ArgSpec argument) {
        return ((OptionSpec) argument).longestName().replaceFirst("^--", "");
    }

    /** @return whether a file may set an option */
    static boolean isSetting(OptionSpec option) {
        return !NOT_SETTINGS.contains(key(option));
    }
}
