package org.minigpt.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt info}: what is in a model's folder. */
@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Shows the configuration, the parameters and the files of a model.",
        description = "")
final class InfoCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    private Path model;

    @Override
    public Integer call() {
        ModelFolder.SavedModel saved = ModelFolder.load(model);
        Gpt gpt = saved.gpt();
        PrintStream out = System.out;
        printConfig(out, gpt.config());
        printTokenizer(out, saved);
        printParameters(out, gpt);
        printFiles(out);
        return 0;
    }

    private static void printConfig(PrintStream out, GptConfig config) {
        out.println("Configuration");
        row(out, "vocab_size", config.vocabSize());
        row(out, "block_size", config.blockSize());
        row(out, "n_layer", config.nLayer());
        row(out, "n_head", config.nHead());
        row(out, "n_embd", config.nEmbd());
        row(out, "dropout", dropout(config.dropout()));
        row(out, "bias", EnumOption.spell(config.bias()));
        row(out, "activation", config.mlp().activation().map(EnumOption::spell).orElse("silu"));
        row(out, "tied_head", config.tiedHead());
        row(out, "norm_eps", config.normEps());
        row(out, "init", EnumOption.spell(config.initialization()));
        row(out, "n_kv_head", config.nKvHead());
        row(out, "head_size", config.headSize());
        row(out, "n_inner", config.nInner());
        if (config.qkNorm()) {
            row(out, "qk_norm", true);
        }
        row(out, "norm", EnumOption.spell(config.norm()));
        row(out, "positions", EnumOption.spell(config.positions().kind()));
        if (config.positions() instanceof Positions.Rotary rotary) {
            row(out, "rope_theta", rotary.theta());
            if (!rotary.scaling().equals(RopeScaling.NONE)) {
                row(out, "rope_scaling", rotary.scaling());
            }
        }
        row(out, "mlp", config.mlp() == Mlp.SWIGLU ? "swiglu" : "plain");
    }

    private static String dropout(DropoutRates rates) {
        return rates.equals(DropoutRates.of(rates.embd()))
                ? String.valueOf(rates.embd())
                : "embd " + rates.embd() + ", attn " + rates.attn() + ", resid " + rates.resid();
    }

    private static void row(PrintStream out, String name, Object value) {
        out.printf(Locale.ROOT, "  %-12s %s%n", name, value);
    }

    private static void printTokenizer(PrintStream out, ModelFolder.SavedModel saved) {
        Tokenizer tokenizer = saved.tokenizer();
        out.printf("%nTokenizer%n");
        row(out, "type", typeOf(tokenizer));
        row(out, "tokens", tokenizer.vocabSize());
        if (tokenizer instanceof BpeTokenizer bpe) {
            row(out, "merges", bpe.merges().size());
            bpe.specialTokens().forEach((text, id) -> row(out, "special", id + " " + text));
        }
        saved.gpt().eosTokenIds().forEach(id -> row(out, "eos_token_id", id));
    }

    private static String typeOf(Tokenizer tokenizer) {
        if (tokenizer instanceof CharTokenizer) {
            return "characters";
        }
        if (tokenizer instanceof BpeTokenizer bpe) {
            return bpe.rules().metaspace().isPresent() ? "SentencePiece's BPE" : "byte-level BPE";
        }
        return "ids without text";
    }

    private static void printParameters(PrintStream out, Gpt gpt) {
        out.printf("%nParameters, %s%n", gpt.dataType());
        int width = gpt.parameterInfos().stream()
                .mapToInt(info -> info.name().length())
                .max()
                .orElseThrow();
        String format = "  %-" + width + "s  %-14s %,14d%n";
        for (ParameterInfo info : gpt.parameterInfos()) {
            String shape = info.shape().stream().map(String::valueOf).collect(Collectors.joining(" x "));
            out.printf(Locale.ROOT, format, info.name(), shape, info.length());
        }
        out.printf(Locale.ROOT, format, "all", "", gpt.parameterCount());
    }

    private void printFiles(PrintStream out) {
        out.printf("%nFiles in %s%n", model.toAbsolutePath().normalize());
        try (Stream<Path> files = Files.list(model)) {
            List<Path> regular = files.filter(Files::isRegularFile).sorted().toList();
            for (Path file : regular) {
                out.printf(Locale.ROOT, "  %-20s %,14d bytes%n", file.getFileName(), Files.size(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
