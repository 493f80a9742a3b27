package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.completer.StringsCompleter;
import org.jline.terminal.TerminalBuilder;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.cli.report.Terminal;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code minigpt chat}: a person and a saved model write a text in turns. */
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Talks with a model, or writes a text in turns with it.",
        description = {
            "A model that has a chat template, as minigpt sft saves it, is talked with; with others you write a text.",
            "Enter /help there for the commands; Ctrl-C stops the model's turn, Ctrl-D ends. Defaults stand in"
                    + " brackets.",
            ""
        })
final class ChatCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder, or a GGUF file [${DEFAULT-VALUE}].")
    private Path model;

    @Option(
            names = "--chat-template",
            paramLabel = "NAME|FILE",
            description = "How what is said becomes prompts: plain, chatml, llama3, or a file in Jinja [that of the"
                    + " model's folder; a model without one goes on with a text].")
    private String chatTemplate;

    @Mixin(name = "Weights")
    private WeightsOption weights = new WeightsOption();

    @Mixin
    private CacheOption cache = new CacheOption();

    @Mixin(name = "Choice of tokens")
    private SamplerOptions sampler = new SamplerOptions();

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        SamplingOptions options = sampler.builder().build();
        WeightsOption.Opened saved = weights.open(model);
        sampler.requireIdsOf(saved.model().vocabSize());
        TextGenerator generator = new TextGenerator(saved.model().withCache(cache.type()), saved.tokenizer());
        ChatTemplate template = chatTemplate == null ? ChatTemplate.of(model) : ChatTemplate.named(chatTemplate);
        Talk talk = template.isPlain() && chatTemplate == null
                ? new Talk.OfText(generator)
                : new Talk.OfConversation(
                        template, saved.tokenizer(), saved.config().blockSize());
        SessionTo session = out -> new ChatSession(generator, talk, options, out);
        return Terminal.isPresent() ? interactive(session) : plain(session);
    }

    /** Begins a session that shows things somewhere. */
    private interface SessionTo {
        ChatSession begin(Consumer<String> out);
    }

    /** Lines from the standard input, as a script writes them. */
    private static int plain(SessionTo to) {
        ChatSession session = to.begin(text -> {
            System.out.print(text);
            System.out.flush();
        });
        // As strict as with files, but line by line, for who writes may wait for an answer.
        BufferedReader reader = new BufferedReader(
                new InputStreamReader(System.in, UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)));
        try {
            String line = reader.readLine();
            if (line != null && line.startsWith("\uFEFF")) {
                line = line.substring(1);
            }
            for (; line != null && !session.over(); line = reader.readLine()) {
                if (line.indexOf('\0') >= 0) {
                    throw new MiniGptException("the standard input has a NUL byte, so it is no text: give UTF-8 text.");
                }
                session.accept(line);
            }
        } catch (CharacterCodingException e) {
            throw new MiniGptException("the standard input is not UTF-8 text: convert it to UTF-8.", e);
        } catch (IOException e) {
            throw new MiniGptException("the standard input can't be read: " + e.getMessage(), e);
        }
        return 0;
    }

    private static int interactive(SessionTo to) {
        try (org.jline.terminal.Terminal terminal =
                TerminalBuilder.builder().system(true).dumb(true).build()) {
            PrintWriter writer = terminal.writer();
            ChatSession session = to.begin(text -> {
                writer.print(text);
                writer.flush();
            });
            terminal.handle(org.jline.terminal.Terminal.Signal.INT, signal -> session.interrupt());
            LineReader reader = LineReaderBuilder.builder()
                    .terminal(terminal)
                    .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                    .completer(new StringsCompleter(ChatSession.commands()))
                    .build();
            while (!session.over()) {
                try {
                    session.accept(reader.readLine("> "));
                } catch (UserInterruptException e) {
                    // Ctrl-C at the prompt gives a new line.
                } catch (EndOfFileException e) {
                    return 0;
                }
            }
            return 0;
        } catch (IOException e) {
            throw new MiniGptException("the terminal can't be used: " + e.getMessage(), e);
        }
    }
}
