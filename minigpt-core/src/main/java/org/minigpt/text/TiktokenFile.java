package org.minigpt.text;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.util.MiniGptException;

/**
 * GPT-2's vocabulary as tiktoken and jtokkit have it, {@code r50k_base.tiktoken}: a line for each token with its bytes in
 * Base64 and its rank, which is its id. Merges are not in it, but follow: a token is made of the two that its bytes become
 * when all merges of lower ranks are made. The special token is not in it either, but known.
 */
final class TiktokenFile {
    private static final int SIZE = 50_256;

    private TiktokenFile() {}

    static BpeTokenizer read(Path file) {
        List<byte[]> tokens = new ArrayList<>();
        for (String line : TextFiles.readUtf8(file).lines().toList()) {
            tokens.add(token(file, line, tokens.size()));
        }
        if (tokens.size() != SIZE) {
            // Others are split by other patterns, which the file does not tell.
            throw new MiniGptException(file + " has " + tokens.size() + " tokens, but GPT-2's vocabulary has " + SIZE
                    + ": give r50k_base.tiktoken.");
        }
        List<String> vocabulary = new ArrayList<>();
        tokens.forEach(token -> vocabulary.add(ByteAlphabet.show(token)));
        vocabulary.add(BpeTokenizer.END_OF_TEXT);
        return new BpeVocabulary(problem -> damaged(file, problem))
                .check(vocabulary, merges(file, tokens), List.of(BpeTokenizer.END_OF_TEXT));
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
