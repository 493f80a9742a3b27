package org.minigpt.io;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The {@code tokenizer_config.json} of a model's folder. Hugging Face's library would else take any GPT-2's tokenizer for
 * OpenAI's and add its special token, with an id that the model does not have.
 */
final class TokenizerConfig {
    static final String FILE = "tokenizer_config.json";
    static final String ADDED_TOKENS = "added_tokens_decoder";
    private static final ObjectWriter WRITER = new JsonMapper().writerWithDefaultPrettyPrinter();

    private TokenizerConfig() {}

    /** @return the template that a model's folder has here, or else in a file of its own */
    static Optional<String> chatTemplate(Path dir) {
        Path file = AtomicFolder.locate(dir, FILE);
        JsonNode template = Files.isRegularFile(file)
                ? JsonFiles.parse(file, TextFiles.readUtf8(file), "copy the file again, or remove it")
                        .path("chat_template")
                : MissingNode.getInstance();
        for (JsonNode one : template.isArray() ? template : List.<JsonNode>of()) {
            if (one.path("name").asText().equals("default")) { // of several, the one that is for all
                template = one.path("template");
            }
        }
        if (template.isTextual()) {
            return Optional.of(template.textValue());
        }
        Path own = AtomicFolder.locate(dir, "chat_template.jinja");
        return Files.isRegularFile(own) ? Optional.of(TextFiles.readUtf8(own)) : Optional.empty();
    }

    /** @param eosTokenIds the tokens that end a text; the first that is a special token is told */
    static void write(
            Path folder, int blockSize, Tokenizer tokenizer, List<Integer> eosTokenIds, Optional<String> chatTemplate) {
        ObjectNode json = new JsonMapper().createObjectNode();
        json.put("tokenizer_class", "PreTrainedTokenizerFast");
        json.put("model_max_length", blockSize);
        // Else spaces before full stops and the like are left out in decoding.
        json.put("clean_up_tokenization_spaces", false);
        // The key tells that these are all: older files beside, of another tokenizer, count no more.
        ObjectNode added = json.putObject(ADDED_TOKENS);
        if (tokenizer instanceof BpeTokenizer bpe) {
            for (AddedToken token : bpe.addedTokens()) {
                added.putObject(String.valueOf(token.id()))
                        .put("content", token.text())
                        .put("lstrip", token.lstrip())
                        .put("normalized", token.normalized())
                        .put("rstrip", token.rstrip())
                        .put("single_word", token.singleWord())
                        .put("special", token.special());
            }
        }
        List<Integer> before =
                tokenizer instanceof BpeTokenizer bpe ? bpe.rules().before() : List.of();
        if (!before.isEmpty()) {
            json.put("bos_token", tokenizer.decode(before.get(0)));
        } else if (tokenizer.endOfText().isPresent()) {
            json.put("bos_token", tokenizer.decode(tokenizer.endOfText().getAsInt()));
        }
        Collection<Integer> special =
                tokenizer instanceof BpeTokenizer bpe ? bpe.specialTokens().values() : List.of();
        eosTokenIds.stream()
                .filter(special::contains)
                .findFirst()
                .ifPresent(id -> json.put("eos_token", tokenizer.decode(id)));
        chatTemplate.ifPresent(template -> json.put("chat_template", template));
        AtomicFiles.write(folder.resolve(FILE), out -> WRITER.writeValue(out, json));
    }
}
