package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenFolder;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import picocli.CommandLine.Option;

/** The text, and which part of it is trained on. */
final class DataOptions {
    @Option(
            names = "--data",
            paramLabel = "TEXT",
            defaultValue = Corpus.MOBY_DICK,
            description = {
                "A UTF-8 text file; or a folder that minigpt prepare made, for a text that is larger than memory; or"
                        + " moby-dick, which is bundled; or shakespeare, which is downloaded once [${DEFAULT-VALUE}]."
            })
    private String data;

    @Option(
            names = "--train-split",
            paramLabel = "SHARE",
            defaultValue = "0.9",
            description = "The first part of a text trains, the rest validates; a folder is split already"
                    + " [${DEFAULT-VALUE}].")
    private double trainSplit;

    @Option(
            names = "--vocab-size",
            paramLabel = "V",
            description = "The number of different ids in a folder of token files that has no tokenizer; texts are then"
                    + " the ids themselves, as numbers with spaces between.")
    private Integer vocabSize;

    /** Opens the text, with the tokenizer that it makes or brings. */
    TrainingData open() {
        if (vocabSize != null) {
            return ofFolder(TokenFolder.open(Path.of(data), idsOnly()));
        }
        if (isFolder()) {
            return ofFolder(TokenFolder.open(Path.of(data)));
        }
        Corpus corpus = Corpus.of(data);
        return split(corpus, CharTokenizer.fromCorpus(corpus.text()));
    }

    /** Opens the text for a tokenizer that is there already, such as a model's. */
    TrainingData open(Tokenizer tokenizer) {
        if (vocabSize != null) {
            throw new MiniGptException(
                    "--vocab-size is for token files without a tokenizer, but there is that of the model"
                            + " or of --tokenizer: leave it out.");
        }
        if (!isFolder()) {
            return split(Corpus.of(data), tokenizer);
        }
        if (!Tokenizers.isIn(Path.of(data))) {
            return ofFolder(TokenFolder.open(Path.of(data), tokenizer));
        }
        TrainingData folder = open();
        if (!folder.tokenizer().equals(tokenizer)) {
            throw new MiniGptException("The token files in " + data + " were made with another tokenizer than the"
                    + " model's: give the text itself, or the folder that the model was trained on.");
        }
        return folder;
    }

    private IdTokenizer idsOnly() {
        if (!isFolder() || Tokenizers.isIn(Path.of(data))) {
            throw new MiniGptException("--vocab-size is for a folder of token files without a tokenizer, but " + data
                    + " is" + (isFolder() ? " one with a tokenizer" : " none") + ": leave it out.");
        }
        return new IdTokenizer(vocabSize);
    }

    /** A tokenizer with the characters of the text that it lacks, if it is one of characters and this is a text. */
    Tokenizer covering(Tokenizer tokenizer) {
        if (isFolder()
                || !(tokenizer instanceof CharTokenizer characters)
                || characters.unknownToken().isPresent()) {
            return tokenizer;
        }
        BitSet all = new BitSet();
        characters.vocabulary().codePoints().forEach(all::set);
        CharTokenizer.fromCorpus(Corpus.of(data).text())
                .vocabulary()
                .codePoints()
                .forEach(all::set);
        return all.cardinality() == characters.vocabSize() ? tokenizer : CharTokenizer.ofCharacters(all);
    }

    private TrainingData ofFolder(TokenFolder.Opened folder) {
        return new TrainingData(data, folder.tokenizer(), folder.data(), Optional.empty());
    }

    private TrainingData split(Corpus corpus, Tokenizer tokenizer) {
        return new TrainingData(
                corpus.name(),
                tokenizer,
                TokenDataset.split(corpus.text(), tokenizer, trainSplit),
                Optional.of(Sha256.of(corpus.text())));
    }

    /** The text so that it is found from any working directory. */
    String fromAnywhere() {
        return Corpus.isName(data)
                ? data
                : Path.of(data).toAbsolutePath().normalize().toString();
    }

    /** The path of a file that is no text but holds several. */
    Path file() {
        return Path.of(data);
    }

    double trainSplit() {
        return trainSplit;
    }

    private boolean isFolder() {
        try {
            return !data.isEmpty() && Files.isDirectory(Path.of(data));
        } catch (InvalidPathException e) {
            return false; // Corpus says what is wrong with it
        }
    }
}
