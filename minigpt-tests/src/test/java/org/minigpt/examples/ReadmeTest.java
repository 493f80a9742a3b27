package org.minigpt.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;

/** The README's words are true. */
class ReadmeTest {
    private static final Path ROOT = Path.of(System.getProperty("basedir", ""))
            .resolve("..")
            .toAbsolutePath()
            .normalize();
    private static final String IMPORTS = Stream.of(
                    "java.nio.file.Path",
                    "org.minigpt.data.*",
                    "org.minigpt.generate.*",
                    "org.minigpt.io.*",
                    "org.minigpt.model.*",
                    "org.minigpt.text.*",
                    "org.minigpt.train.*")
            .map(name -> "import " + name + ";\n")
            .reduce("", String::concat);

    @TempDir
    Path dir;

    private static String readme() throws IOException {
        return Files.readString(ROOT.resolve("README.md"));
    }

    @Test
    void theExampleRuns() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme());
        assertTrue(block.find());
        Path input = Files.writeString(dir.resolve("input.txt"), "To be, or not to be.\n".repeat(50));
        Path model = dir.resolve("model");
        String code = replaceOnce(block.group(1), "Path.of(\"input.txt\")", path(input));
        code = replaceOnce(code, "Path.of(\"model\")", path(model));
        code = replaceOnce(code, "maxIters(5000)", "maxIters(2).evalIters(1)");

        String printed = run(compile("public class Example { public static void main(String[] args) {" + code + "}}"));

        assertEquals(300, printed.codePointCount(0, printed.length()));
        assertEquals(11, ModelFolder.load(model).tokenizer().vocabSize());
    }

    private static String path(Path path) {
        return "Path.of(\"" + path.toString().replace("\\", "\\\\") + "\")";
    }

    private static String replaceOnce(String text, String part, String replacement) {
        assertEquals(2, (" " + text + " ").split(Pattern.quote(part)).length, part);
        return text.replace(part, replacement);
    }

    private Path compile(String code) throws IOException {
        Path source = Files.writeString(dir.resolve("Example.java"), IMPORTS + code);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        int result = compiler.run(
                null, messages, messages, "-proc:none", "-cp", classPath, "-d", dir.toString(), source.toString());
        assertEquals(0, result, messages.toString(UTF_8));
        return dir;
    }

    private static String run(Path classes) throws Exception {
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader loader =
                        new URLClassLoader(new URL[] {classes.toUri().toURL()});
                PrintStream newOut = new PrintStream(printed, true, UTF_8)) {
            System.setOut(newOut);
            loader.loadClass("Example").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } finally {
            System.setOut(out);
        }
        return printed.toString(UTF_8);
    }

    @Test
    void everyFileThatIsLinkedIsThere() throws IOException {
        for (Path page : List.of(
                        "README.md",
                        "docs/architecture.md",
                        "docs/performance.md",
                        "docs/dl4j.md",
                        "docs/training.md",
                        "docs/extending.md")
                .stream()
                .map(ROOT::resolve)
                .toList()) {
            Matcher link = Pattern.compile("\\]\\((?!http)([^)]+)\\)").matcher(Files.readString(page));
            while (link.find()) {
                assertTrue(Files.exists(page.resolveSibling(link.group(1))), page + " links " + link.group(1));
            }
        }
    }

    @Test
    void everyClassThatTheArchitectureNamesIsThere() throws IOException {
        List<String> classes;
        try (Stream<Path> files = Files.walk(ROOT)) {
            classes = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".java"))
                    .map(name -> name.replace(".java", ""))
                    .toList();
        }
        // Words in code type like `TokenGenerator` or `RandomWindows.batch(i)`; not constants, equations or packages.
        Matcher word = Pattern.compile("`([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)[`.]")
                .matcher(Files.readString(ROOT.resolve("docs/architecture.md")));
        int count = 0;
        while (word.find()) {
            assertTrue(classes.contains(word.group(1)), word.group(1));
            count++;
        }
        assertTrue(count > 40, count + " classes");
    }
}
