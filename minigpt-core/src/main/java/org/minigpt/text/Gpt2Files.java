package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The files of GPT-2's own code and of Hugging Face's older tokenizers: {@code vocab.json}, the ids of the tokens, and
 * {@code merges.txt}, a merge a line after a first line {@code #version: 0.2}. Which tokens are special stands in the
 * files beside them, {@link HfTokens}; as in transformers, {@code <|endoftext|>} is without being named.
 */
final class Gpt2Files {
    static final String VOCABULARY = "vocab.json";
    static final String MERGES = "merges.txt";
    private static final String VERSION = "#version";
    private static final JsonMapper MAPPER = new JsonMapper();

    private Gpt2Files() {}

    static void write(Path dir, BpeTokenizer tokenizer) {
        ObjectNode ids = MAPPER.createObjectNode();
        List<String> vocabulary = tokenizer.vocabulary();
        for (int id = 0; id < vocabulary.size(); id++) {
            ids.put(vocabulary.get(id), id);
        }
        String merges = VERSION + ": 0.2\n" + String.join("\n", tokenizer.merges()) + "\n";
        ObjectNode special = MAPPER.createObjectNode();
        ObjectNode added = MAPPER.createObjectNode();
        tokenizer.addedTokens().forEach(token -> name(token, special, added));
        AtomicFiles.write(dir.resolve(VOCABULARY), out -> MAPPER.writeValue(out, ids));
        AtomicFiles.write(dir.resolve(MERGES), out -> out.write(merges.getBytes(UTF_8)));
        AtomicFiles.write(dir.resolve(HfTokens.SPECIAL_TOKENS_MAP), out -> MAPPER.writeValue(out, special));
        AtomicFiles.write(dir.resolve(HfTokens.ADDED_TOKENS), out -> MAPPER.writeValue(out, added));
    }

    private static void name(AddedToken token, ObjectNode special, ObjectNode added) {
        if (!token.special()) {
            if (!token.normalized()) {
                throw new MiniGptException("The token " + CodePoints.quoted(token.text()) + " is not special, but is"
                        + " looked for before it is normalized, which GPT-2's files can't say: save the tokenizer as"
                        + " tokenizer.json.");
            }
            added.put(token.text(), token.id());
        } else if (token.text().equals(BpeTokenizer.END_OF_TEXT) && !token.normalized()) {
            special.put("bos_token", token.text())
                    .put("eos_token", token.text())
                    .put("unk_token", token.text());
        } else {
            ObjectNode named = special.withArray("/additional_special_tokens").addObject();
            named.put("content", token.text()).put("normalized", token.normalized());
        }
    }

    static BpeTokenizer read(Path dir) {
        Path file = AtomicFolder.locate(dir, VOCABULARY);
        HfTokens tokens = new HfTokens(file, HfTokenizerFile.read(file));
        HfTokens.requireGpt2(dir);
        tokens.addBeside(dir);
        Path mergesFile = AtomicFolder.locate(dir, MERGES);
        List<String> merges = new ArrayList<>();
        boolean makeEndOfText = false;
        for (String line : TextFiles.readUtf8(mergesFile).lines().toList()) {
            // A merge may begin with #, but then a token follows and no colon with a number.
            boolean version = merges.isEmpty() && line.startsWith(VERSION + ":");
            if (!line.isEmpty() && !version) {
                merges.add(line);
                makeEndOfText |= line.replace(" ", "").equals(BpeTokenizer.END_OF_TEXT);
            }
        }
        if (!makeEndOfText) {
            tokens.addByDefault(BpeTokenizer.END_OF_TEXT);
        }
        return BpeTokenizer.ofAdded(
                tokens.vocabulary(),
                merges,
                tokens.added(),
                problem -> new MiniGptException(file + " and " + mergesFile + " make no tokenizer: " + problem
                        + "; give two files that belong together."));
    }
}
