package org.minigpt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.text.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** {@code minigpt sft}: {@code train} on conversations, from a model that is there to one that answers. */
@Command(
        name = "sft",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Trains a model on conversations, of which it learns the assistant's answers.",
        description = {"Supervised fine-tuning. Defaults stand in brackets.", ""},
        footerHeading = "%n",
        footer = {
            "The model is saved with its chat template, by which minigpt chat and minigpt serve talk with it:"
                    + " docs/chat.md tells the way from a text to a chat.",
            "",
            "  minigpt sft --init-from out --data conversations.jsonl --out-dir chat --learning-rate 1e-4",
            "  minigpt chat --model chat"
        })
final class SftCommand extends TrainCommand {
    static final String CHAT_TEMPLATE = "--chat-template";

    private static final String OWN = "auto";

    @Option(
            names = CHAT_TEMPLATE,
            paramLabel = "NAME|FILE",
            defaultValue = OWN,
            description =
                    "How conversations are written: chatml, llama3, plain, or a file in Jinja; auto is the model's"
                            + " own, or chatml if it has none. Special tokens that the model lacks are added to its"
                            + " vocabulary [${DEFAULT-VALUE}].")
    private String chatTemplate;

    private ConversationData.Source source;

    /** Hides those options of {@code train} that are of no use to a model that is there. */
    static void adapt(CommandSpec spec) {
        Stream.concat(Stream.of("--preset"), NOT_WITH_INIT_FROM.stream())
                .forEach(name -> replace(spec, name, option -> option.hidden(true)));
        require(
                spec,
                "--data",
                "A file of conversations, one a line in JSON: {\"messages\": [...]} as OpenAI's, or"
                        + " {\"conversations\": [...]} as ShareGPT's.");
        require(spec, "--init-from", "Begin with the model in this folder. --block-size may crop its context.");
    }

    private static void require(CommandSpec spec, String name, String description) {
        replace(spec, name, option -> option.required(true).defaultValue(null).description(description));
    }

    private static void replace(CommandSpec spec, String name, UnaryOperator<OptionSpec.Builder> change) {
        OptionSpec option = spec.findOption(name);
        spec.remove(option);
        spec.addOption(change.apply(OptionSpec.builder(option)).build());
    }

    @Override
    Tokenizer covering(Path folder, Tokenizer tokenizer) {
        source = ConversationData.Source.read(data().file(), template(folder));
        return source.covering(tokenizer);
    }

    /** A run that goes on has its template in its checkpoint. */
    private ChatTemplate template(Path folder) {
        if (!resumes() && !chatTemplate.equals(OWN)) {
            return ChatTemplate.named(chatTemplate);
        }
        ChatTemplate own = ChatTemplate.of(folder);
        return own.isPlain() && !resumes() ? ChatTemplate.chatMl() : own;
    }

    @Override
    TrainingData open(Tokenizer tokenizer) {
        return source.encode(tokenizer, data().trainSplit());
    }

    /** Those of the template first, if they are one token each. */
    @Override
    List<Integer> eosTokenIds(StartingModel start) {
        List<Integer> ids = new ArrayList<>();
        for (String end : source.template().stop()) {
            try {
                int[] tokens = start.tokenizer().encode(end);
                if (tokens.length == 1) {
                    ids.add(tokens[0]);
                }
            } catch (MiniGptException e) {
                // a model of characters that lacks one of its characters never writes it
            }
        }
        ids.addAll(start.eosTokenIds());
        return ids.stream().distinct().toList();
    }

    @Override
    Optional<String> chatTemplate(StartingModel start) {
        return Optional.of(source.template().source()).filter(text -> !text.isEmpty());
    }
}
