package org.minigpt.examples.cli;

import org.minigpt.data.TokenDataset;
import org.minigpt.examples.corpus.Corpus;
import org.minigpt.text.Tokenizer;
import picocli.CommandLine.Option;

/** The text, and which part of it is trained on. */
final class DataOptions {
    @Option(
            names = "--data",
            paramLabel = "TEXT",
            defaultValue = Corpus.MOBY_DICK,
            description = {
                "A UTF-8 text file; or moby-dick, which is bundled; or shakespeare, which is downloaded once"
                        + " [${DEFAULT-VALUE}]."
            })
    private String data;

    @Option(
            names = "--train-split",
            paramLabel = "SHARE",
            defaultValue = "0.9",
            description = "The first part of the text trains, the rest validates [${DEFAULT-VALUE}].")
    private double trainSplit;

    Corpus corpus() {
        return Corpus.of(data);
    }

    TokenDataset dataset(Corpus corpus, Tokenizer tokenizer) {
        return TokenDataset.split(tokenizer.encode(corpus.text()), trainSplit);
    }
}
