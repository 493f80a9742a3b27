package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.generate.TextScorer;
import org.minigpt.io.ModelFolder;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;

/**
 * Questions of multiple choice, by a model's log-probabilities of the answers, as lm-evaluation-harness has them ({@code multiple_choice}
 * in its {@code api/task.py} and {@code api/model.py}): what is scored is a space and the choice behind the query, and the
 * largest sum of log-probabilities is the model's choice.
 */
final class Choices {
    private static final JsonMapper JSON = new JsonMapper();
    private static final String DELIMITER = " ";

    /**
     * One of the questions.
     *
     * @param query what stands before the answer
     * @param choices the answers
     * @param gold the index of the right one
     */
    record Question(String query, List<String> choices, int gold) {}

    /**
     * What came out.
     *
     * @param accuracy the share of questions whose right choice has the largest sum of log-probabilities: {@code acc}
     * @param normalised the same by that sum over the choice's characters, without the space: {@code acc_norm}
     * @param byBytes the same over its bytes in UTF-8: {@code acc_bytes}
     */
    record Result(double accuracy, double normalised, double byBytes) {}

    private final TextScorer scorer;
    private final Tokenizer tokenizer;
    private final int blockSize;

    Choices(ModelFolder.SavedModel model) {
        scorer = new TextScorer(model.gpt(), model.tokenizer());
        tokenizer = model.tokenizer();
        blockSize = model.gpt().config().blockSize();
    }

    /**
     * Reads questions, a JSON object a line with {@code query}, {@code choices} and {@code gold}.
     *
     * @throws MiniGptException if a line is something else, or there is none
     */
    static List<Question> read(Path file) {
        String[] lines = TextFiles.readUtf8(file).split("\n");
        List<Question> questions = new ArrayList<>();
        for (int i = 0; i < lines.length; i++) {
            if (!lines[i].isBlank()) {
                questions.add(question(lines[i], file + ", line " + (i + 1) + ": "));
            }
        }
        if (questions.isEmpty()) {
            throw new MiniGptException(
                    file + " has no questions: give a JSON object a line, with query, choices and gold.");
        }
        return questions;
    }

    private static Question question(String line, String place) {
        JsonNode json;
        try {
            json = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw new MiniGptException(place + "it is not JSON (" + e.getOriginalMessage() + ").", e);
        }
        JsonNode choices = json.path("choices");
        List<String> texts = new ArrayList<>();
        choices.forEach(choice -> texts.add(choice.asText()));
        if (!json.path("query").isTextual() || texts.size() < 2) {
            throw new MiniGptException(place + "a question has a query, a text, and choices, two texts or more.");
        }
        if (json.path("query").asText().isBlank() || texts.stream().anyMatch(String::isEmpty)) {
            throw new MiniGptException(place + "the query or a choice is empty: a model scores a text behind another.");
        }
        JsonNode gold = json.path("gold");
        if (!gold.isInt() || gold.intValue() < 0 || gold.intValue() >= texts.size()) {
            throw new MiniGptException(place + "gold is " + gold
                    + ", but must be the index of the right choice, from 0 to " + (texts.size() - 1) + ".");
        }
        return new Question(json.path("query").asText(), texts, gold.intValue());
    }

    Result evaluate(List<Question> questions) {
        int[] right = new int[3];
        for (Question question : questions) {
            double[] sums = question.choices().stream()
                    .mapToDouble(choice -> logProbability(question.query(), DELIMITER + choice))
                    .toArray();
            List<ToDoubleFunction<String>> lengths = List.of(
                    choice -> 1,
                    choice -> choice.codePointCount(0, choice.length()),
                    choice -> choice.getBytes(UTF_8).length);
            for (int kind = 0; kind < right.length; kind++) {
                ToDoubleFunction<String> length = lengths.get(kind);
                double[] scores = IntStream.range(0, sums.length)
                        .mapToDouble(i -> sums[i]
                                / length.applyAsDouble(question.choices().get(i)))
                        .toArray();
                right[kind] += first(scores) == question.gold() ? 1 : 0;
            }
        }
        double n = questions.size();
        return new Result(right[0] / n, right[1] / n, right[2] / n);
    }

    /** @return the index of the largest, the first of equal ones, as NumPy's argmax */
    private static int first(double[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; i++) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        return best;
    }

    /**
     * The tokens of both together, without as many as the query has by itself, are the continuation's; spaces at the end
     * of the query are the continuation's too, since tokens of words begin with theirs.
     *
     * @return the sum of the log-probabilities of its tokens
     */
    double logProbability(String query, String continuation) {
        String stem = query.stripTrailing();
        int[] ids = tokenizer.encode(query + continuation);
        int scored = ids.length - tokenizer.encode(stem).length;
        if (scored > blockSize) {
            throw new MiniGptException("The choice \"" + continuation.strip() + "\" has " + scored
                    + " tokens, more than the " + blockSize + " of the model's context: shorten it.");
        }
        int[] window = Arrays.copyOfRange(ids, Math.max(0, ids.length - blockSize - 1), ids.length);
        return scorer.predictions(window, 0).stream()
                .skip(window.length - 1 - scored)
                .mapToDouble(token -> token.chosen().logProbability())
                .sum();
    }
}
