package org.minigpt.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.server.ModelServer;
import org.minigpt.server.ServerOptions;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/**
 * What {@code bin/minigpt} runs to learn which classes, and on newer JVMs which ways through the code, a text needs: it
 * keeps them in an archive, with which the next commands start sooner. Small models of both kinds of tokenizers write a text and
 * score one, and one is served. What it prints, nobody reads.
 */
final class Rehearsal {
    private static final String TEXT = "She sells sea shells, by the sea shore.\n".repeat(20);

    private Rehearsal() {}

    /** @throws IOException if there is no place for a model of some 100 KB; the launcher does without an archive then */
    public static void main(String[] args) throws IOException {
        Path dir = Files.createTempDirectory("minigpt-rehearsal");
        try {
            Tokenizer bpe = BpeTrainer.of(TEXT).train(280);
            for (Tokenizer tokenizer : List.of(CharTokenizer.fromCorpus(TEXT), bpe)) {
                GptConfig config = GptConfig.builder()
                        .vocabSize(tokenizer.vocabSize())
                        .blockSize(64)
                        .nLayer(2)
                        .nHead(2)
                        .nEmbd(32)
                        .build();
                Path model = dir.resolve("model" + tokenizer.vocabSize());
                ModelFolder.save(model, Gpt.create(config, 1), tokenizer);
                String folder = model.toString();
                MiniGpt.execute("sample", "--model", folder, "--prompt", "sea", "--max-new-tokens", "200");
                MiniGpt.execute("score", "--model", folder, "--text", TEXT.substring(0, 40));
            }
            serve(ModelFolder.load(dir.resolve("model" + bpe.vocabSize())));
        } finally {
            FileUtils.deleteDirectory(dir.toFile());
        }
    }

    private static void serve(ModelFolder.SavedModel saved) throws IOException {
        ServerOptions options = ServerOptions.builder().port(0).build();
        try (ModelServer server = ModelServer.start(saved.gpt(), saved.tokenizer(), options)) {
            URL url = server.address().resolve("/v1/completions").toURL();
            HttpURLConnection request = (HttpURLConnection) url.openConnection();
            request.setDoOutput(true);
            request.setRequestProperty("Content-Type", "application/json");
            request.getOutputStream().write("{\"prompt\": \"sea\", \"stream\": true}".getBytes(StandardCharsets.UTF_8));
            try (InputStream answer = request.getInputStream()) {
                answer.readAllBytes();
            }
        }
    }
}
