package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.ModelSurgery;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.CodePoints;
import org.minigpt.text.Tokenizer;

/**
 * The model that a run begins with, and the tokens that it is to have.
 *
 * @param saved as its folder has it
 * @param tokenizer its own, with the characters of the text that it lacks if it is one of characters
 * @param sha256 of the file of its parameters, by which a run that is repeated knows it again; not of several files
 * @param chatTemplate that it has, if it has one
 */
record StartingModel(SavedModel saved, Tokenizer tokenizer, Optional<String> sha256, Optional<String> chatTemplate) {

    /**
     * Opens the model of {@code --init-from} for a text.
     *
     * @param covering makes its tokenizer one that can encode that
     */
    static StartingModel open(Path folder, UnaryOperator<Tokenizer> covering) {
        if (Files.isRegularFile(folder) && folder.toString().endsWith(".gguf")) {
            throw new MiniGptException(folder
                    + " is a GGUF file, whose weights may be rounded, and those can't be trained:"
                    + " make a model of F32 of it by minigpt import --format gguf --from " + folder + " --out DIR.");
        }
        SavedModel saved = ModelFolder.load(folder);
        Path weights = AtomicFolder.locate(folder, ModelFolder.WEIGHTS);
        Optional<String> sha256 = Files.exists(weights) ? Optional.of(Sha256.of(weights)) : Optional.empty();
        return new StartingModel(saved, covering.apply(saved.tokenizer()), sha256, ModelFolder.chatTemplate(folder));
    }

    /** Opens a checkpoint of a run that began with a model, whose own folder may be another's by now, or gone. */
    static StartingModel resume(Path checkpoint, UnaryOperator<Tokenizer> covering) {
        SavedModel saved = ModelFolder.load(checkpoint);
        return new StartingModel(
                saved,
                covering.apply(saved.tokenizer()),
                RunRecord.startingModel(checkpoint),
                ModelFolder.chatTemplate(checkpoint));
    }

    /** The model's shape, with more tokens if the text needs them. */
    GptConfig.Builder shape() {
        return saved.gpt().config().toBuilder().vocabSize(tokenizer.vocabSize());
    }

    /** Fills a model of that shape. */
    void copyInto(Gpt gpt) {
        ModelSurgery.copy(saved.gpt(), gpt, oldIds());
    }

    /** The tokens that end its texts, by the ids that they have in a model of that shape. */
    List<Integer> eosTokenIds() {
        int[] oldIds = oldIds();
        return IntStream.range(0, oldIds.length)
                .filter(id -> saved.gpt().eosTokenIds().contains(oldIds[id]))
                .boxed()
                .toList();
    }

    /** The tokens that the model gets and does not know yet, as messages show them. */
    List<String> newTokens() {
        int[] oldIds = oldIds();
        return IntStream.range(0, oldIds.length)
                .filter(id -> oldIds[id] < 0)
                .mapToObj(tokenizer::decode)
                .map(text -> tokenizer instanceof CharTokenizer ? CodePoints.describe(text.codePointAt(0)) : text)
                .toList();
    }

    private int[] oldIds() {
        int[] ids = new int[tokenizer.vocabSize()];
        Map<Integer, Integer> old = new HashMap<>();
        if (saved.tokenizer() instanceof CharTokenizer before && tokenizer instanceof CharTokenizer now) {
            before.vocabulary().codePoints().forEach(character -> old.put(character, old.size()));
            int[] characters = now.vocabulary().codePoints().toArray();
            for (int id = 0; id < ids.length; id++) {
                ids[id] = old.getOrDefault(characters[id], -1);
            }
        } else {
            for (int id = 0; id < ids.length; id++) {
                ids[id] = id < saved.gpt().config().vocabSize() ? id : -1;
            }
        }
        return ids;
    }
}
