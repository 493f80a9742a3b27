package org.minigpt.io;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The tokens that end a text, as files tell them. In Hugging Face's folders that are {@code eos_token_id} of
 * {@code config.json} and of {@code generation_config.json}, a number or a list, and {@code eos_token} of
 * {@code tokenizer_config.json}, or where that does not say, of {@code special_tokens_map.json}; all of them count. Ids
 * beyond the vocabulary, as small models have them from GPT-2's defaults, never come and are left out.
 */
final class EosTokens {
    private static final String ID = "eos_token_id";
    private static final String TOKEN = "eos_token";
    private static final String GENERATION = "generation_config.json";
    private static final String SPECIAL = "special_tokens_map.json";

    /** Of a {@code GPT2Config} and a {@code LlamaConfig} that do not say. */
    private static final int GPT2_DEFAULT = 50256;

    private static final int LLAMA_DEFAULT = 2;

    private EosTokens() {}

    /**
     * @param config of the folder
     * @param tokenizer the folder's, or null if the caller has not read it
     * @throws MiniGptException if one of the files is damaged
     */
    static List<Integer> of(Path dir, HfConfig config, Tokenizer tokenizer) {
        JsonConfig json = JsonConfig.read(AtomicFolder.locate(dir, ModelFolder.CONFIG));
        Set<Integer> ids = new LinkedHashSet<>(json.integers(ID));
        if (!config.own() && !json.names(ID)) {
            ids.add(config.llama() ? LLAMA_DEFAULT : GPT2_DEFAULT);
        }
        Path generation = AtomicFolder.locate(dir, GENERATION);
        if (Files.exists(generation)) {
            ids.addAll(JsonConfig.read(generation, remedy(GENERATION)).integers(ID));
        }
        token(dir).flatMap(token -> find(token, dir, tokenizer)).ifPresent(ids::add);
        if (tokenizer != null) {
            tokenizer.endOfText().ifPresent(ids::add);
        }
        ids.removeIf(id -> id < 0 || id >= config.gpt().vocabSize());
        return List.copyOf(ids);
    }

    private static String remedy(String name) {
        return ": use the " + name + " that was saved with the model.";
    }

    /** @return the text of the token that the files of the tokenizer name */
    private static Optional<String> token(Path dir) {
        JsonNode config = read(dir, TokenizerConfig.FILE);
        // Where its tokens are told, the older file beside counts no more.
        boolean all = config.has(TOKEN) || config.has(TokenizerConfig.ADDED_TOKENS);
        JsonNode token = (all ? config : read(dir, SPECIAL)).path(TOKEN);
        return Optional.ofNullable((token.isObject() ? token.path("content") : token).textValue());
    }

    private static JsonNode read(Path dir, String name) {
        Path file = AtomicFolder.locate(dir, name);
        return Files.exists(file)
                ? JsonFiles.parse(file, TextFiles.readUtf8(file), remedy(name))
                : MissingNode.getInstance();
    }

    private static Optional<Integer> find(String token, Path dir, Tokenizer tokenizer) {
        if (tokenizer != null) {
            return find(token, tokenizer);
        }
        // A tokenizer knows this one by itself, whoever reads it.
        if (token.equals(BpeTokenizer.END_OF_TEXT) || !Tokenizers.isIn(dir)) {
            return Optional.empty();
        }
        try {
            return find(token, Tokenizers.load(dir));
        } catch (MiniGptException e) {
            return Optional.empty(); // the model is to be opened without it, so no text is to be made of its tokens
        }
    }

    private static Optional<Integer> find(String token, Tokenizer tokenizer) {
        try {
            int[] ids = tokenizer.encode(token);
            if (ids.length == 1 && tokenizer.decode(ids).equals(token)) {
                return Optional.of(ids[0]);
            }
        } catch (MiniGptException e) {
            // It is not one of the tokens.
        }
        return Optional.empty();
    }

    /** Puts the key as Hugging Face's library reads it. */
    static void write(ObjectNode json, List<Integer> ids) {
        if (ids.size() > 1) {
            ids.forEach(json.putArray(ID)::add);
        } else {
            // By default it would be 50256, beyond a small vocabulary.
            json.put(ID, ids.isEmpty() ? null : ids.get(0));
        }
    }

    /** Replaces another model's {@code generation_config.json}, which would end this one's texts. */
    static void replaceGenerationConfig(Path dir, Path folder, List<Integer> ids) {
        if (Files.exists(AtomicFolder.locate(dir, GENERATION))) {
            ObjectNode json = new JsonMapper().createObjectNode();
            write(json, ids);
            AtomicFiles.write(
                    folder.resolve(GENERATION),
                    out -> new JsonMapper().writerWithDefaultPrettyPrinter().writeValue(out, json));
        }
    }
}
