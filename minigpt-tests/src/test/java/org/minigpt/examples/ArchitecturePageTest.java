package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** docs/architecture.md is true, as far as names go. */
class ArchitecturePageTest {
    /** Words in code type like `Sampler` or `RandomWindows.batch(i)`; not constants, equations or packages. */
    private static final Pattern NAMED = Pattern.compile("`([A-Z]\\w*[a-z]\\w*)(?:\\.(\\w+))?[^`]*`");

    private static final Pattern STEP = Pattern.compile("^\\d+\\. .*", Pattern.MULTILINE);

    private static String page;
    private static Map<String, List<Path>> sources; // by the simple name of the class

    @BeforeAll
    static void read() throws IOException {
        page = Files.readString(CodeBlocks.ROOT.resolve("docs/architecture.md"));
        try (Stream<Path> files = Files.walk(CodeBlocks.ROOT)) {
            sources = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> file.toString().contains("src/main/") || file.endsWith("ArchitectureTest.java"))
                    .collect(Collectors.groupingBy(
                            file -> file.getFileName().toString().replace(".java", "")));
        }
    }

    /** @return what the text names in code type and is no class, or no member of its class */
    private static Set<String> gone(String text) throws IOException {
        Set<String> gone = new TreeSet<>();
        for (MatchResult name : NAMED.matcher(text).results().toList()) {
            List<Path> files = sources.getOrDefault(name.group(1), List.of());
            boolean there = !files.isEmpty() && name.group(2) == null;
            for (Path file : files) {
                there |= Pattern.compile("\\b" + name.group(2) + "\\b")
                        .matcher(Files.readString(file))
                        .find();
            }
            if (!there) {
                gone.add(name.group());
            }
        }
        return gone;
    }

    @Test
    void everyClassThatIsNamedIsThere() throws IOException {
        assertEquals(Set.of(), gone(page));
        assertTrue(NAMED.matcher(page).results().count() > 60);
    }

    /** So that the test above can fail. */
    @Test
    void aClassThatIsGoneIsFound() throws IOException {
        assertEquals(
                Set.of("`CachedFroward`", "`Decoder.apend(ids)`", "`ReadmeTest`"),
                gone("a step of `CachedForward` is `Decoder.append(ids)`, of `CachedFroward` `Decoder.apend(ids)`; see"
                        + " `ReadmeTest`, in `minigpt-tests`, `[B,T,C]` or `REAL`"));
    }

    @Test
    void aStepNamesOneClass() {
        List<String> steps =
                STEP.matcher(page).results().map(MatchResult::group).toList();
        assertTrue(steps.size() > 30, steps.size() + " steps");
        for (String step : steps) {
            assertEquals(1, NAMED.matcher(step).results().count(), step);
        }
    }

    @Test
    void aTokenGoesThroughAtMostEightClassesToTheProduct() {
        String way = page.split("## The way of a generated token")[1].split("\n\n")[2];
        List<String> steps = way.lines().toList();
        assertTrue(steps.get(0).startsWith("1. `TextGenerator`"), way);
        assertTrue(steps.size() > 2 && steps.size() <= 8, way);
    }

    @Test
    void everyModuleIsInTheTable() throws IOException {
        List<String> named = Pattern.compile("^\\| `(minigpt-\\w+)` \\|", Pattern.MULTILINE)
                .matcher(page)
                .results()
                .map(row -> row.group(1))
                .sorted()
                .toList();
        List<String> modules = Pattern.compile("<module>([\\w-]+)</module>")
                .matcher(Files.readString(CodeBlocks.ROOT.resolve("pom.xml")))
                .results()
                .map(module -> module.group(1))
                .sorted()
                .toList();
        assertEquals(modules, named);
    }

    /** The rooms of minigpt-core, which ArchitectureTest holds to their order. */
    @Test
    void everyPackageIsInTheTable() throws IOException {
        Path root = CodeBlocks.ROOT.resolve("minigpt-core/src/main/java/org/minigpt");
        Set<String> packages;
        try (Stream<Path> files = Files.walk(root)) {
            packages = files.filter(file -> file.toString().endsWith(".java"))
                    .map(file -> root.relativize(file.getParent())
                            .toString()
                            .replace('/', '.')
                            .replace('\\', '.'))
                    .filter(name -> !name.isEmpty())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
        Set<String> named = Pattern.compile("^\\| `([a-z][\\w.]*)` \\|", Pattern.MULTILINE)
                .matcher(page)
                .results()
                .map(row -> row.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(packages, named);
    }
}
