package org.minigpt.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.train.EvalReport;
import org.minigpt.train.TrainState;
import org.minigpt.train.TrainState.Outliers;

/**
 * {@code state.json}: a {@link TrainState} as JSON. A number in it is the shortest that reads back as the same bits.
 *
 * @param version 1 did not tell when a run began
 * @param started as {@link Instant} writes it
 * @param lastEvaluation null if there was none
 * @param bestEvaluation null if there was none
 */
record StateFile(
        int version,
        String started,
        long iteration,
        long optimizerSteps,
        EvalReport lastEvaluation,
        EvalReport bestEvaluation,
        int evaluationsSinceBest,
        Outliers outliers) {
    /** The file itself. */
    static final String FILE = "state.json";

    private static final int VERSION = 2;
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    static void write(Path folder, TrainState state) throws IOException {
        StateFile file = new StateFile(
                VERSION,
                state.started().toString(),
                state.iteration(),
                state.optimizerSteps(),
                state.lastEvaluation().orElse(null),
                state.bestEvaluation().orElse(null),
                state.evaluationsSinceBest(),
                state.outliers());
        Files.writeString(folder.resolve(FILE), JSON.writeValueAsString(file) + "\n");
    }

    /** @throws MiniGptException if it is of another version, or not a state */
    static TrainState read(Path folder) throws IOException {
        Path path = folder.resolve(FILE);
        try {
            JsonNode json = JSON.readTree(Files.readString(path));
            int version = json.path("version").asInt();
            if (version != 1 && version != VERSION) {
                throw new MiniGptException(path + " is of version " + version
                        + ", but this program reads versions 1 and " + VERSION + ": use the program that saved it.");
            }
            if (version == 1 && json instanceof ObjectNode first) {
                first.put("started", Instant.EPOCH.toString());
            }
            return JSON.treeToValue(json, StateFile.class).state();
        } catch (JsonProcessingException | DateTimeException | NullPointerException e) {
            String reason = e instanceof JsonProcessingException json
                    ? json.getOriginalMessage()
                    : e instanceof NullPointerException ? e.getMessage() + " is null" : e.getMessage();
            throw new MiniGptException(
                    path + " is not the state of a run (" + reason + "): use a checkpoint that this program saved.", e);
        }
    }

    private TrainState state() {
        return new TrainState(
                Instant.parse(Objects.requireNonNull(started, "started")),
                iteration,
                optimizerSteps,
                Optional.ofNullable(lastEvaluation),
                Optional.ofNullable(bestEvaluation),
                evaluationsSinceBest,
                Objects.requireNonNull(outliers, "outliers"));
    }
}
