package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;

/** The README's words are true. */
class ReadmeTest {
    private static final Path ROOT = CodeBlocks.ROOT;
    private static final List<String> IMPORTS = List.of(
            "org.minigpt.data.*",
            "org.minigpt.generate.*",
            "org.minigpt.io.*",
            "org.minigpt.model.*",
            "org.minigpt.text.*",
            "org.minigpt.train.*");

    @TempDir
    Path dir;

    @Test
    void theExampleRuns() throws Exception {
        Path input = Files.writeString(dir.resolve("input.txt"), "To be, or not to be.\n".repeat(50));
        Path model = dir.resolve("model");
        String code = CodeBlocks.of("README.md").get(0);
        code = CodeBlocks.replaceOnce(code, "Path.of(\"input.txt\")", CodeBlocks.path(input));
        code = CodeBlocks.replaceOnce(code, "Path.of(\"model\")", CodeBlocks.path(model));
        code = CodeBlocks.replaceOnce(code, "maxIters(5000)", "maxIters(2).evalIters(1)");

        String printed = CodeBlocks.runProgram(dir, IMPORTS, code);

        assertEquals(300, printed.codePointCount(0, printed.length()));
        assertEquals(11, ModelFolder.load(model).tokenizer().vocabSize());
    }

    @Test
    void everyExampleIsInTheTable() throws IOException {
        List<String> named = Pattern.compile("^\\| `(\\w+)` \\|", Pattern.MULTILINE)
                .matcher(Files.readString(ROOT.resolve("docs/examples.md")))
                .results()
                .map(row -> row.group(1))
                .sorted()
                .toList();
        try (Stream<Path> files = Files.list(ROOT.resolve("minigpt-examples/src/main/java/org/minigpt/examples"))) {
            List<String> examples = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".java") && !name.equals("package-info.java"))
                    .map(name -> name.replace(".java", ""))
                    .sorted()
                    .toList();
            assertEquals(examples, named);
        }
    }

    @Test
    void everyFileThatIsLinkedIsThere() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
        }
        assertTrue(pages.size() > 8, pages.toString());
        for (Path page : pages) {
            Matcher link = Pattern.compile("\\]\\((?!http)([^)]+)\\)").matcher(Files.readString(page));
            while (link.find()) {
                String[] target = link.group(1).split("#", 2);
                Path file = target[0].isEmpty() ? page : page.resolveSibling(target[0]);
                boolean found = Files.exists(file)
                        && (target.length == 1 || anchors(file).contains(target[1]));
                assertTrue(found, page + " links " + link.group(1));
            }
        }
    }

    @Test
    void everyPageBeginsWithForWhomItIs() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(ROOT, ROOT.resolve("docs"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        assertTrue(pages.contains(ROOT.resolve("README.md")) && pages.size() > 13, pages.toString());
        for (Path page : pages) {
            String[] lines = Files.readString(page).split("\n", 4);
            assertTrue(lines[0].startsWith("# ") && lines[1].isEmpty(), page + " begins with " + lines[0]);
            assertTrue(lines[2].matches("For .+[.:]?"), page + ": " + lines[2]);
        }
    }

    /** What links may name of a page: its headings in small letters, with hyphens for spaces and no other signs. */
    private static List<String> anchors(Path page) throws IOException {
        return Files.readAllLines(page).stream()
                .filter(line -> line.startsWith("#"))
                .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT))
                .map(line -> line.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
                .toList();
    }
}
