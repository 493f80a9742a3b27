package org.minigpt.examples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;

/**
 * A world of three things: arithmetic on one digit, opposites, and words written backwards. It tells a text about itself, to
 * train a model on from nothing; questions with their answers, to make it answer; and others, which are in neither, to ask
 * it. Words are made up, so that one which is asked for was never seen.
 *
 * <p>Arguments: {@code write FOLDER} or {@code ask FOLDER URL}; {@code minigpt-examples/bin/closed-world} does all of it.
 */
public final class ClosedWorld {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int LINES = 40_000;
    private static final int PAIRS = 2000;
    private static final int UNSEEN = 300;

    private static final List<String> OPPOSITES = List.of(
            "hot cold",
            "big small",
            "fast slow",
            "old young",
            "high low",
            "wet dry",
            "dark light",
            "hard soft",
            "rich poor",
            "full empty",
            "good bad",
            "early late",
            "long short",
            "loud quiet",
            "open shut",
            "up down",
            "in out",
            "left right",
            "thick thin",
            "wide narrow",
            "deep shallow",
            "clean dirty",
            "sweet sour",
            "strong weak");

    private static final List<String> OF_SUMS = List.of(
            "What is %s?", "How much is %s?", "%s = ?", "Work out %s.", "Tell me %s.", "Please say what %s is.");
    private static final List<String> OF_OPPOSITES = List.of(
            "What is the opposite of %s?",
            "Name the opposite of %s.",
            "The opposite of %s?",
            "Tell me the opposite of %s.",
            "What is not %s?",
            "%s, and the other way round?");
    private static final List<String> OF_WORDS = List.of(
            "Write %s backwards.", "What is %s backwards?", "Reverse %s.", "Turn %s round.", "Spell %s from its end.");

    private final Random random;

    /** @param seed of all that it tells */
    public ClosedWorld(long seed) {
        random = new Random(seed);
    }

    /** A question and its answer. */
    public record Pair(String question, String answer) {}

    /** @return questions each once, half of them about words; none of them among some others, nor any of their words */
    public List<Pair> pairs(int count, List<Pair> others) {
        Set<String> taken = others.stream().map(Pair::question).collect(Collectors.toCollection(HashSet::new));
        Set<String> words = others.stream().map(Pair::answer).collect(Collectors.toSet());
        List<Pair> pairs = new ArrayList<>();
        while (pairs.size() < count) {
            Pair pair = pair();
            boolean ofWord = pair.question().contains(reversed(pair.answer()))
                    && pair.answer().matches("[a-z]+");
            if (!(ofWord && words.contains(pair.answer())) && taken.add(pair.question())) {
                pairs.add(pair);
            }
        }
        return pairs;
    }

    private Pair pair() {
        int kind = random.nextInt(10);
        if (kind < 4) {
            String[] sum = sum();
            return new Pair(one(OF_SUMS).formatted(sum[0]), sum[1]);
        }
        if (kind < 5) {
            String[] words = opposites();
            return new Pair(one(OF_OPPOSITES).formatted(words[0]), words[1]);
        }
        String word = word();
        return new Pair(one(OF_WORDS).formatted(word), reversed(word));
    }

    /** @return what is so in this world, a line each, but for words that are to be asked for */
    public String text(int lines, List<Pair> unseen) {
        Set<String> held = unseen.stream().map(Pair::answer).collect(Collectors.toSet());
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < lines; i++) {
            int kind = random.nextInt(10);
            if (kind < 2) {
                String[] sum = sum();
                text.append(sum[0]).append(" is ").append(sum[1]).append(".\n");
            } else if (kind < 3) {
                String[] words = opposites();
                text.append(words[0])
                        .append(" is the opposite of ")
                        .append(words[1])
                        .append(".\n");
            } else {
                String word = word();
                if (!held.contains(reversed(word))) {
                    text.append(word)
                            .append(" backwards is ")
                            .append(reversed(word))
                            .append(".\n");
                }
            }
        }
        return text.toString();
    }

    private String one(List<String> of) {
        return of.get(random.nextInt(of.size()));
    }

    /** @return two digits with a sign between, and what that makes */
    private String[] sum() {
        int a = random.nextInt(10);
        int b = random.nextInt(10);
        return switch (random.nextInt(3)) {
            case 0 -> new String[] {a + " + " + b, String.valueOf(a + b)};
            case 1 -> new String[] {a + " - " + b, String.valueOf(a - b)};
            default -> new String[] {a + " x " + b, String.valueOf(a * b)};
        };
    }

    private String[] opposites() {
        String[] words = one(OPPOSITES).split(" ");
        return random.nextBoolean() ? words : new String[] {words[1], words[0]};
    }

    /** @return three to five letters */
    private String word() {
        return random.ints(3 + random.nextInt(3), 'a', 'z' + 1)
                .mapToObj(Character::toString)
                .collect(Collectors.joining());
    }

    private static String reversed(String word) {
        return new StringBuilder(word).reverse().toString();
    }

    /** @return as OpenAI's files for fine-tuning have it, a conversation a line */
    public static String jsonLines(List<Pair> pairs) {
        return pairs.stream().map(pair -> conversation(pair) + "\n").collect(Collectors.joining());
    }

    private static ObjectNode conversation(Pair pair) {
        ObjectNode json = JSON.createObjectNode();
        ArrayNode messages = json.putArray("messages");
        messages.addObject().put("role", "user").put("content", pair.question());
        messages.addObject().put("role", "assistant").put("content", pair.answer());
        return json;
    }

    /**
     * Asks a server of OpenAI's API.
     *
     * @return the share of the answers that are the very words
     */
    public static double ask(URI server, List<Pair> pairs) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newHttpClient();
        int right = 0;
        for (Pair pair : pairs) {
            ObjectNode body = JSON.createObjectNode().put("temperature", 0).put("max_completion_tokens", 16);
            body.putArray("messages").addObject().put("role", "user").put("content", pair.question());
            HttpRequest request = HttpRequest.newBuilder(server.resolve("/v1/chat/completions"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                    .build();
            JsonNode answer =
                    JSON.readTree(client.send(request, BodyHandlers.ofString()).body());
            String said = answer.at("/choices/0/message/content").asText();
            if (said.equals(pair.answer())) {
                right++;
            } else {
                System.out.printf("%s %s, not %s%n", pair.question(), said, pair.answer());
            }
        }
        return (double) right / pairs.size();
    }

    public static void main(String[] args) throws Exception {
        PlainErrors.show();
        Arguments.require(args, "write or ask", "the folder", "the server's address");
        Path folder = Path.of(args.length > 1 ? args[1] : "out/closed-world");
        if (args.length == 2 && args[0].equals("write")) {
            write(folder);
        } else if (args.length == 3 && args[0].equals("ask")) {
            List<Pair> unseen = Files.readAllLines(folder.resolve("unseen.jsonl")).stream()
                    .map(ClosedWorld::read)
                    .toList();
            double share = ask(URI.create(args[2]), unseen);
            System.out.printf(
                    Locale.ROOT, "%.1f %% of %,d unseen questions are answered exactly%n", 100 * share, unseen.size());
            if (share < 0.95) {
                throw new MiniGptException("that is less than 95 %: train for longer");
            }
        } else {
            throw new MiniGptException("give write FOLDER or ask FOLDER URL");
        }
    }

    private static Pair read(String line) {
        try {
            JsonNode messages = JSON.readTree(line).path("messages");
            return new Pair(
                    messages.at("/0/content").asText(),
                    messages.at("/1/content").asText());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path folder) throws IOException {
        ClosedWorld world = new ClosedWorld(1337);
        List<Pair> unseen = world.pairs(UNSEEN, List.of());
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("unseen.jsonl"), jsonLines(unseen));
        Files.writeString(folder.resolve("text.txt"), world.text(LINES, unseen));
        Files.writeString(folder.resolve("conversations.jsonl"), jsonLines(world.pairs(PAIRS, unseen)));
    }
}
