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
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.SplitRule;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * OpenAI's vocabularies as tiktoken and jtokkit have them, such as {@code cl100k_base.tiktoken}: a line for each token with its
 * bytes in Base64 and its rank, which is its id. Merges are not in it, but follow: a token is made of the two that its bytes
 * become when all merges of lower ranks are made. How a text is split is not in it either, nor the special tokens, but
 * known, and told by how many tokens there are.
 */
final class TiktokenFile {
    private static final String NAME = ".tiktoken";

    private record Encoding(String name, int size, BpeRules rules, Map<String, Integer> special) {}

    private static final List<Encoding> ENCODINGS = List.of(
            new Encoding("r50k_base", 50_256, BpeRules.GPT2, Map.of(BpeTokenizer.END_OF_TEXT, 50_256)),
            new Encoding("p50k_base", 50_280, whole(SplitRule.GPT2), Map.of(BpeTokenizer.END_OF_TEXT, 50_256)),
            new Encoding(
                    "cl100k_base",
                    100_256,
                    whole(SplitRule.CL100K),
                    Map.of(
                            BpeTokenizer.END_OF_TEXT,
                            100_257,
                            "<|fim_prefix|>",
                            100_258,
                            "<|fim_middle|>",
                            100_259,
                            "<|fim_suffix|>",
                            100_260,
                            "<|endofprompt|>",
                            100_276)),
            new Encoding(
                    "o200k_base",
                    199_998,
                    whole(SplitRule.O200K),
                    Map.of(BpeTokenizer.END_OF_TEXT, 199_999, "<|endofprompt|>", 200_018)));

    /** The beginning of a file: a token of a few bytes and its rank. */
    private static final Pattern FIRST = Pattern.compile("[A-Za-z0-9+/]{2,}={0,2} \\d+\\R", Pattern.DOTALL);

    private static final int FIRST_BYTES = 40;

    private TiktokenFile() {}

    private static BpeRules whole(SplitRule split) {
        return BpeRules.ofSplits(List.of(split)).withIgnoreMerges(true);
    }

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
        Encoding encoding = ENCODINGS.stream()
                .filter(known -> known.size == lines.size())
                .findFirst()
                .orElseThrow(() -> another(file, lines.size()));
        int last = encoding.special.values().stream().mapToInt(id -> id).max().orElseThrow();
        byte[][] tokens = new byte[Math.max(last, lines.size()) + 1][];
        int next = 0;
        for (int line = 0; line < lines.size(); line++) {
            next = 1 + put(file, line, lines.get(line), next, tokens);
        }
        List<String> vocabulary = new ArrayList<>();
        for (byte[] token : tokens) {
            vocabulary.add(token == null ? "" : ByteAlphabet.show(token));
        }
        List<AddedToken> special = new ArrayList<>();
        encoding.special.forEach((text, id) -> {
            if (tokens[id] != null) {
                throw damaged(file, "it has a token of the rank " + id + ", which is that of " + text);
            }
            vocabulary.set(id, text);
            special.add(AddedToken.special(text, id));
        });
        return BpeTokenizer.of(
                vocabulary, merges(file, tokens), special, encoding.rules, problem -> damaged(file, problem));
    }

    /** Others are split by other patterns, which the file does not tell. */
    private static MiniGptException another(Path file, int size) {
        String known = ENCODINGS.stream()
                .map(encoding -> encoding.name + " (" + encoding.size + ")")
                .collect(Collectors.joining(", "));
        return new MiniGptException(
                file + " has " + size + " tokens, and is none of those that MiniGPT knows: give one of " + known + ".");
    }

    /** @return the rank, which is at least {@code next} */
    private static int put(Path file, int index, String line, int next, byte[][] tokens) {
        String[] parts = line.split(" ", -1);
        try {
            int rank = parts.length == 2 ? Integer.parseInt(parts[1]) : -1;
            if (rank >= next && rank < tokens.length && !parts[0].isEmpty()) {
                tokens[rank] = Base64.getDecoder().decode(parts[0]);
                return rank;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw damaged(file, "line " + (index + 1) + " is not a token in Base64 and its rank, " + next + " or the next");
    }

    private static List<String> merges(Path file, byte[][] tokens) {
        Map<ByteBuffer, Integer> ranks = new HashMap<>();
        for (int rank = 0; rank < tokens.length; rank++) {
            if (tokens[rank] != null) {
                ranks.put(ByteBuffer.wrap(tokens[rank]), rank);
            }
        }
        List<String> merges = new ArrayList<>();
        for (int rank = 0; rank < tokens.length; rank++) {
            byte[] token = tokens[rank];
            if (token != null && token.length > 1) {
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
