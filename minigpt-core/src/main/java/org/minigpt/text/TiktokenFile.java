package org.minigpt.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * GPT-2's vocabulary as tiktoken and jtokkit have it, {@code r50k_base.tiktoken}: a line for each token with its bytes in
 * Base64 and its rank, which is its id. Merges are not in it, but follow: a token is made of the two that its bytes become
 * when all merges of lower ranks are made. The special token is not in it either, but known.
 */
final class TiktokenFile {
    private static final String NAME = ".tiktoken";
    private static final int SIZE = 50_256;
    /** The beginning of a file: a token of a few bytes and its rank. */
    private static final Pattern FIRST = Pattern.compile("[A-Za-z0-9+/]{2,}={0,2} \\d+\\R", Pattern.DOTALL);

    private static final int FIRST_BYTES = 40;

    private TiktokenFile() {}

    /** @return whether a file is one, whatever it is called; tiktoken's own cache has them without a name */
    static boolean isOne(Path file) {
        if (!Files.isRegularFile(file)) {
            return false; // what is read once only
        }
        try (InputStream in = Files.newInputStream(file)) {
            String beginning = new String(in.readNBytes(FIRST_BYTES), StandardCharsets.ISO_8859_1);
            boolean named = String.valueOf(file.getFileName()).endsWith(NAME) && !beginning.startsWith("{");
            return named || FIRST.matcher(beginning).lookingAt();
        } catch (IOException e) {
            return false; // for another reader to say
        }
    }

    static BpeTokenizer read(Path file) {
        List<String> lines = TextFiles.readUtf8(file).lines().toList();
        // Larger ones may leave out ranks, such as p50k_base.
        if (lines.size() > SIZE && lines.stream().allMatch(line -> line.matches("\\S+ \\d+"))) {
            throw another(file, lines.size());
        }
        List<byte[]> tokens = new ArrayList<>();
        lines.forEach(line -> tokens.add(token(file, line, tokens.size())));
        if (tokens.size() != SIZE) {
            throw another(file, tokens.size());
        }
        List<String> vocabulary = new ArrayList<>();
        tokens.forEach(token -> vocabulary.add(ByteAlphabet.show(token)));
        vocabulary.add(BpeTokenizer.END_OF_TEXT);
        return BpeTokenizer.ofAdded(
                vocabulary,
                merges(file, tokens),
                List.of(AddedToken.special(BpeTokenizer.END_OF_TEXT, SIZE)),
                problem -> damaged(file, problem));
    }

    /** Others are split by other patterns, which the file does not tell. */
    private static MiniGptException another(Path file, int size) {
        return new MiniGptException(
                file + " has " + size + " tokens, but GPT-2's vocabulary has " + SIZE + ": give r50k_base.tiktoken.");
    }

    private static byte[] token(Path file, String line, int rank) {
        String[] parts = line.split(" ", -1);
        try {
            if (parts.length == 2 && parts[1].equals(String.valueOf(rank))) {
                return Base64.getDecoder().decode(parts[0]);
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw damaged(file, "line " + (rank + 1) + " is not a token in Base64 and its rank, " + rank);
    }

    private static List<String> merges(Path file, List<byte[]> tokens) {
        Map<ByteBuffer, Integer> ranks = new HashMap<>();
        for (int rank = 0; rank < tokens.size(); rank++) {
            ranks.put(ByteBuffer.wrap(tokens.get(rank)), rank);
        }
        List<String> merges = new ArrayList<>();
        for (int rank = 0; rank < tokens.size(); rank++) {
            byte[] token = tokens.get(rank);
            if (token.length > 1) {
                int half = half(ranks, token, rank);
                if (half < 0) {
                    throw damaged(file, "the token of rank " + rank + " is not made of two of lower ranks");
                }
                String shown = ByteAlphabet.show(token);
                merges.add(shown.substring(0, half) + " " + shown.substring(half));
            }
        }
        return merges;
    }

    /** @return the length of the first of the two tokens of lower ranks that a token is merged of, or -1 */
    private static int half(Map<ByteBuffer, Integer> ranks, byte[] token, int rank) {
        List<Integer> ends = new ArrayList<>(); // of the parts so far
        for (int i = 0; i <= token.length; i++) {
            ends.add(i);
        }
        while (ends.size() > 3) {
            int least = rank;
            int at = -1;
            for (int i = 0; i + 2 < ends.size(); i++) {
                int length = ends.get(i + 2) - ends.get(i);
                Integer found = ranks.get(ByteBuffer.wrap(token, ends.get(i), length));
                if (found != null && found < least) {
                    least = found;
                    at = i;
                }
            }
            if (at < 0) {
                return -1;
            }
            ends.remove(at + 1);
        }
        return ends.size() == 3 ? ends.get(1) : -1;
    }

    private static MiniGptException damaged(Path file, String problem) {
        return new MiniGptException(file + " is damaged: " + problem + "; get it again.");
    }
}
