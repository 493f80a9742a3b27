package org.minigpt.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** The Java code of a page of the documentation, to be compiled and run. */
final class CodeBlocks {
    static final Path ROOT = Path.of(System.getProperty("basedir", ""))
            .resolve("..")
            .toAbsolutePath()
            .normalize();

    private CodeBlocks() {}

    /** @return the blocks of Java of a page, such as {@code docs/dl4j.md} */
    static List<String> of(String page) throws IOException {
        return Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(ROOT.resolve(page)))
                .results()
                .map(block -> block.group(1))
                .toList();
    }

    /** @return the text with a part replaced that must be there once */
    static String replaceOnce(String text, String part, String replacement) {
        assertEquals(2, (" " + text + " ").split(Pattern.quote(part)).length, part);
        return text.replace(part, replacement);
    }

    /** @return the expression {@code Path.of(...)} for a path */
    static String path(Path path) {
        return "Path.of(\"" + path.toString().replace("\\", "\\\\") + "\")";
    }

    /** @return the statements as a program, within a method that may throw what it wants */
    static String program(List<String> imports, String statements) {
        String lines = Stream.concat(Stream.of("java.nio.file.Path"), imports.stream())
                .map(name -> "import " + name + ";\n")
                .reduce("", String::concat);
        return lines + "public class Example { public static void main(String[] args) throws Exception {" + statements
                + "}}";
    }

    /** Compiles a class to a folder, against what the tests have on their class path. */
    static void compile(Path dir, String name, String code) throws IOException {
        Path source = Files.writeString(dir.resolve(name + ".java"), code);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        int result = compiler.run(
                null, messages, messages, "-proc:none", "-cp", classPath, "-d", dir.toString(), source.toString());
        assertEquals(0, result, messages.toString(UTF_8));
    }

    /** @return what the class' {@code main} prints to the standard output */
    static String run(Path dir, String name) throws Exception {
        try (URLClassLoader loader = new URLClassLoader(new URL[] {dir.toUri().toURL()})) {
            Class<?> main = loader.loadClass(name);
            return printed(() -> main.getMethod("main", String[].class).invoke(null, (Object) new String[0]));
        }
    }

    interface Program {
        void run() throws Exception;
    }

    /** @return what a program prints to the standard output */
    static String printed(Program program) throws Exception {
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (PrintStream newOut = new PrintStream(printed, true, UTF_8)) {
            System.setOut(newOut);
            program.run();
        } finally {
            System.setOut(out);
        }
        return printed.toString(UTF_8);
    }

    /** Compiles and runs statements. */
    static String runProgram(Path dir, List<String> imports, String statements) throws Exception {
        compile(dir, "Example", program(imports, statements));
        return run(dir, "Example");
    }
}
