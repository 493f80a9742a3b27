package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.files.AtomicFiles;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextStream;
import org.minigpt.generate.TokenGeneration.FinishReason;

/** What a person and a model say in turns, and the commands that change how; knows nothing of terminals. */
final class ChatSession {
    static final String HELP = """
              /show                 what was said so far
              /undo                 take the last turn back
              /reset                begin anew
              /tokens N             tokens a turn
              /temperature X        how bold it is
              /top-k K, /top-p P    among how many tokens it chooses
              /seed N               of the next turn
              /stop TEXT            what ends a turn; \\n is a new line, nothing for none
              /ignore-eos           go on where the model ends its text, on or off
              /greedy               always the most likely token, on or off
              /save FILE            write what was said to a file
              /help, /quit
            """;

    private final TextGenerator generator;
    private final Talk talk;
    private final Consumer<String> out;
    private SamplingOptions options;
    private volatile TextStream running;
    private boolean over;

    /** @param out is given what is to be shown */
    ChatSession(TextGenerator generator, Talk talk, SamplingOptions options, Consumer<String> out) {
        this.generator = generator;
        this.talk = talk;
        this.options = options;
        this.out = out;
    }

    /** @return the commands that are explained, as they are entered */
    static List<String> commands() {
        return Pattern.compile("/[a-z-]+")
                .matcher(HELP)
                .results()
                .map(MatchResult::group)
                .toList();
    }

    /** @return whether the person has had enough */
    boolean over() {
        return over;
    }

    /** Stops the model's turn, from any thread. @return whether it was its turn */
    boolean interrupt() {
        TextStream stream = running;
        if (stream != null) {
            stream.cancel();
        }
        return stream != null;
    }

    /** Takes a line: a command, or text. What is wrong with it is said, and the session goes on. */
    void accept(String line) {
        try {
            if (line.startsWith("/")) {
                String[] words = line.split(" +", 2);
                command(words[0], words.length > 1 ? words[1] : "");
            } else {
                turn(line);
            }
        } catch (NumberFormatException e) {
            out.accept("That is not a number.\n");
        } catch (MiniGptException e) {
            out.accept(e.getMessage() + "\n");
        }
    }

    private void turn(String line) {
        Set<String> stop = new LinkedHashSet<>(options.stop());
        stop.addAll(talk.stop());
        SamplingOptions own =
                builder().stop(stop).seed(options.seed() + talk.turns()).build();
        FinishReason reason;
        try (TextStream stream = generator.open(talk.prompt(line), own)) {
            running = stream;
            stream.forEachRemaining(out);
            talk.add(line, stream.result().text());
            reason = stream.result().finishReason();
        } finally {
            running = null;
        }
        if (!talk.shown().isEmpty() && !talk.shown().endsWith("\n")) {
            out.accept("\n");
        }
        if (reason == FinishReason.EXHAUSTED) {
            out.accept(SampleCommand.EXHAUSTED + "\n");
        }
    }

    private void command(String name, String argument) {
        switch (name) {
            case "/show" -> out.accept(talk.shown() + "\n");
            case "/undo" -> {
                if (talk.turns() == 0) {
                    throw new MiniGptException("There is nothing to take back.");
                }
                talk.undo();
            }
            case "/reset" -> talk.reset();
            case "/tokens" -> change(builder().maxNewTokens(Integer.parseInt(argument)));
            case "/temperature" -> change(builder().temperature(Double.parseDouble(argument)));
            case "/top-k" -> change(builder().topK(Integer.parseInt(argument)));
            case "/top-p" -> change(builder().topP(Double.parseDouble(argument)));
            case "/seed" -> change(builder().seed(Long.parseLong(argument) - talk.turns()));
            case "/stop" ->
                change(argument.isEmpty() ? builder().stop() : builder().stop(argument.replace("\\n", "\n")));
            case "/ignore-eos" -> change(builder().ignoreEos(!options.ignoreEos()));
            case "/greedy" -> change(builder().greedy(!options.greedy()));
            case "/save" -> save(argument);
            case "/help" -> out.accept(talk.help() + HELP);
            case "/quit" -> over = true;
            default -> throw new MiniGptException("There is no command " + name + "; /help shows those there are.");
        }
    }

    private void save(String file) {
        if (file.isBlank()) {
            throw new MiniGptException("/save needs the name of a file.");
        }
        AtomicFiles.write(Corpus.path(file), stream -> stream.write(talk.shown().getBytes(UTF_8)));
    }

    private void change(SamplingOptions.Builder builder) {
        options = builder.build();
    }

    private SamplingOptions.Builder builder() {
        return options.toBuilder();
    }
}
