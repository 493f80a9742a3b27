package org.minigpt.io;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.minigpt.text.BpeTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.util.AtomicFiles;

/**
 * The {@code tokenizer_config.json} of a model's folder. Hugging Face's library would else take any GPT-2's tokenizer for
 * OpenAI's and add its special token, with an id that the model does not have.
 */
final class TokenizerConfig {
    private static final String FILE = "tokenizer_config.json";
    private static final ObjectWriter WRITER = new JsonMapper().writerWithDefaultPrettyPrinter();

    private TokenizerConfig() {}

    /** @return the id of {@link BpeTokenizer#END_OF_TEXT}, if it is a special token */
    static OptionalInt endOfText(Tokenizer tokenizer) {
        Integer id = tokenizer instanceof BpeTokenizer bpe ? bpe.specialTokens().get(BpeTokenizer.END_OF_TEXT) : null;
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    static void write(Path folder, int blockSize, Tokenizer tokenizer) {
        ObjectNode json = new JsonMapper().createObjectNode();
        json.put("tokenizer_class", "PreTrainedTokenizerFast");
        json.put("model_max_length", blockSize);
        // Else spaces before full stops and the like are left out in decoding.
        json.put("clean_up_tokenization_spaces", false);
        // The key tells that these are all: older files beside, of another tokenizer, count no more.
        ObjectNode added = json.putObject("added_tokens_decoder");
        if (tokenizer instanceof BpeTokenizer bpe) {
            bpe.addedTokens()
                    .forEach(token -> added.putObject(String.valueOf(token.id()))
                            .put("content", token.text())
                            .put("lstrip", false)
                            .put("normalized", token.normalized())
                            .put("rstrip", false)
                            .put("single_word", false)
                            .put("special", token.special()));
        }
        if (endOfText(tokenizer).isPresent()) {
            json.put("bos_token", BpeTokenizer.END_OF_TEXT);
            json.put("eos_token", BpeTokenizer.END_OF_TEXT);
        }
        AtomicFiles.write(folder.resolve(FILE), out -> WRITER.writeValue(out, json));
    }
}
