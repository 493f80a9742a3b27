package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.files.AtomicFolder;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The files of Hugging Face's older tokenizers, {@code vocab.json}, the ids of the tokens, and {@code merges.txt}, a merge a
 * line after a first line {@code #version: 0.2}; and the same of GPT-2's own code, {@code encoder.json} and {@code vocab.bpe}. Which tokens are special stands in the
 * files beside them, {@link HfTokens}; as in transformers, {@code <|endoftext|>} is without being named.
 */
final class Gpt2Files {
    static final String VOCABULARY = "vocab.json";
    static final String MERGES = "merges.txt";
    /** What OpenAI calls them. */
    static final String ENCODER = "encoder.json";

    static final Map<String, String> PAIRS = Map.of(VOCABULARY, MERGES, ENCODER, "vocab.bpe");
    private static final String VERSION = "#version";
    private static final JsonMapper MAPPER = new JsonMapper();

    private Gpt2Files() {}

    static void write(Path dir, BpeTokenizer tokenizer) {
        if (!tokenizer.rules().equals(BpeRules.GPT2)) {
            throw new MiniGptException(
                    "GPT-2's files can't say how this tokenizer splits a text or marks its spaces: save"
                            + " it as tokenizer.json.");
        }
        ObjectNode ids = MAPPER.createObjectNode();
        HfTokenizerFile.putIds(ids, tokenizer.vocabulary());
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
            if (!token.normalized() || token.lstrip() || token.rstrip() || token.singleWord()) {
                throw new MiniGptException("The token " + CodePoints.quoted(token.text()) + " is not special, but is"
                        + " looked for before it is normalized, or with its white space or as a word alone, which GPT-2's"
                        + " files can't say: save the tokenizer as tokenizer.json.");
            }
            added.put(token.text(), token.id());
        } else if (token.equals(AddedToken.special(BpeTokenizer.END_OF_TEXT, token.id()))) {
            special.put("bos_token", token.text())
                    .put("eos_token", token.text())
                    .put("unk_token", token.text());
        } else {
            ObjectNode named = special.withArray("/additional_special_tokens").addObject();
            HfTokens.writeFlags(token, named);
        }
    }

    /** @return the name of the vocabulary in a folder that has one with its merges */
    static Optional<String> in(Path dir) {
        return PAIRS.entrySet().stream()
                .filter(pair -> Stream.of(pair.getKey(), pair.getValue())
                        .allMatch(name -> Files.exists(AtomicFolder.locate(dir, name))))
                .map(Map.Entry::getKey)
                .max(Comparator.naturalOrder()); // vocab.json before encoder.json
    }

    /** @param name of the vocabulary */
    static BpeTokenizer read(Path dir, String name) {
        Path file = AtomicFolder.locate(dir, name);
        HfTokens tokens = new HfTokens(file, HfTokenizerFile.read(file));
        HfTokens.requireGpt2(dir);
        tokens.addBeside(dir, true);
        Path mergesFile = AtomicFolder.locate(dir, PAIRS.get(name));
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
