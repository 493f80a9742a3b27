package org.minigpt.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code minigpt tokenizer decode}: from ids to the text. */
@Command(
        name = "decode",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Writes the text of token ids, byte for byte what was encoded.",
        description = "")
final class TokenizerDecodeCommand implements Callable<Integer> {
    @Option(
            names = "--tokenizer",
            paramLabel = "PATH",
            required = true,
            description = "A folder with a tokenizer, or its file, such as tokenizer.json.")
    private Path path;

    @Option(
            names = "--file",
            paramLabel = "FILE",
            description = "A file with the ids, white space between them; - for the standard input.")
    private Path file;

    @Parameters(paramLabel = "ID", arity = "0..*", description = "The ids.")
    private List<String> given = List.of();

    @Override
    public Integer call() {
        String text = TextOptions.read("ids", given.isEmpty() ? null : "", "--file", file);
        if (text == null) {
            throw new MiniGptException("there is nothing to decode: give ids, or a file of them with --file.");
        }
        Tokenizer tokenizer = Tokenizers.load(path);
        int[] ids = parse(file == null ? given : words(text), tokenizer.vocabSize());
        byte[] bytes = tokenizer instanceof BpeTokenizer bpe
                ? bpe.decodeBytes(ids)
                : tokenizer.decode(ids).getBytes(StandardCharsets.UTF_8);
        System.out.write(bytes, 0, bytes.length);
        if (file == null) {
            System.out.println(); // for the terminal; a file's text stays as it was
        }
        System.out.flush();
        return 0;
    }

    private static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
    }

    private int[] parse(List<String> words, int vocabSize) {
        int[] ids = new int[words.size()];
        for (int i = 0; i < ids.length; i++) {
            try {
                ids[i] = Integer.parseInt(words.get(i));
            } catch (NumberFormatException e) {
                String word = words.get(i);
                String wrong = word.matches("[-+]?\\d+")
                        ? ", which is no token's: give ids from 0 to " + (vocabSize - 1) + "."
                        : ", which is not a token id: give whole numbers with white space between them.";
                throw new MiniGptException(source() + " has " + word + " at index " + i + wrong, e);
            }
        }
        return ids;
    }

    private String source() {
        if (file == null) {
            return "the command line";
        }
        return file.toString().equals("-") ? TextOptions.STANDARD_INPUT : file.toString();
    }
}
