package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.minigpt.util.AtomicFiles;
import org.minigpt.util.AtomicFolder;
import org.minigpt.util.MiniGptException;

/**
 * The files of GPT-2's own code and of Hugging Face's older tokenizers: {@code vocab.json}, the ids of the tokens, and
 * {@code merges.txt}, a merge a line after a first line {@code #version: 0.2}. They do not say which tokens are special:
 * those are that no merge makes, unless they are the character of a byte.
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
        AtomicFiles.write(dir.resolve(VOCABULARY), out -> MAPPER.writeValue(out, ids));
        AtomicFiles.write(dir.resolve(MERGES), out -> out.write(merges.getBytes(UTF_8)));
    }

    static BpeTokenizer read(Path dir) {
        Path file = AtomicFolder.locate(dir, VOCABULARY);
        List<String> vocabulary = JsonFiles.inOrder(file, JsonFiles.fields(file, JsonFiles.read(file), VOCABULARY));
        Path mergesFile = AtomicFolder.locate(dir, MERGES);
        List<String> merges = new ArrayList<>();
        Set<String> made = new HashSet<>();
        for (String line : TextFiles.readUtf8(mergesFile).lines().toList()) {
            // A merge may begin with #, but then a token follows and no colon with a number.
            boolean version = merges.isEmpty() && line.startsWith(VERSION + ":");
            if (!line.isEmpty() && !version) {
                merges.add(line);
                made.add(line.replace(" ", ""));
            }
        }
        List<String> special = vocabulary.stream()
                .filter(token -> !made.contains(token) && !isByte(token))
                .toList();
        return new BpeVocabulary(problem -> new MiniGptException(file + " and " + mergesFile + " make no tokenizer: "
                        + problem + "; give two files that belong together."))
                .check(vocabulary, merges, special);
    }

    private static boolean isByte(String token) {
        return token.length() == 1 && ByteAlphabet.bytes(token).isPresent();
    }
}
