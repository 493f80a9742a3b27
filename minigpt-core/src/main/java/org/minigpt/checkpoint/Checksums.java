package org.minigpt.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The file {@code SHA256SUMS} of a folder, in the format of the program sha256sum: {@code sha256sum -c} checks it too.
 */
final class Checksums {
    /** The file itself. */
    static final String FILE = "SHA256SUMS";

    private static final String SEPARATOR = "  ";
    private static final int PIECE_BYTES = 1 << 16;

    /** What programs that show folders leave in them, besides files whose names begin with a dot. */
    private static final Set<String> OF_FILE_MANAGERS =
            Set.of("thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx", "icon\r");

    private Checksums() {}

    /** Writes the checksums of all files that a folder holds. */
    static void write(Path folder) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (Path file : files(folder)) {
            lines.append(digest(file))
                    .append(SEPARATOR)
                    .append(file.getFileName())
                    .append('\n');
        }
        Files.writeString(folder.resolve(FILE), lines);
    }

    /** @return what is wrong with a folder, if anything is */
    static Optional<String> damage(Path folder) throws IOException {
        Path sums = folder.resolve(FILE);
        if (!Files.isRegularFile(sums)) {
            return Optional.of("it has no " + FILE);
        }
        Map<String, String> expected = new TreeMap<>();
        // Not as UTF-8: a damaged byte need not be a character.
        for (String line : Files.readAllLines(sums, StandardCharsets.ISO_8859_1)) {
            int at = line.indexOf(SEPARATOR);
            if (at < 0) {
                return Optional.of(FILE + " has a line that is no checksum");
            }
            expected.put(line.substring(at + SEPARATOR.length()), line.substring(0, at));
        }
        if (expected.isEmpty()) {
            return Optional.of(FILE + " is empty");
        }
        for (Path file : files(folder)) {
            String name = file.getFileName().toString();
            String sum = expected.remove(name);
            if (sum == null && isOfFileManager(name)) {
                continue;
            }
            if (sum == null) {
                return Optional.of(name + " is not in " + FILE);
            }
            if (!sum.equals(digest(file))) {
                return Optional.of(name + " does not have the checksum in " + FILE);
            }
        }
        return expected.keySet().stream().findFirst().map(name -> name + " is missing");
    }

    /** .DS_Store and the like say nothing about a folder that they have been put into. */
    private static boolean isOfFileManager(String name) {
        return name.startsWith(".") && !name.startsWith(".minigpt.")
                || OF_FILE_MANAGERS.contains(name.toLowerCase(Locale.ROOT));
    }

    /** @return whether a file is there and as it was when the checksums were written */
    static boolean isSound(Path folder, String name) {
        try (Stream<String> lines = Files.lines(folder.resolve(FILE), StandardCharsets.ISO_8859_1)) {
            String line = digest(folder.resolve(name)) + SEPARATOR + name;
            return lines.anyMatch(line::equals);
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> !file.getFileName().toString().equals(FILE))
                    .sorted()
                    .toList();
        }
    }

    private static String digest(Path file) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
        byte[] piece = new byte[PIECE_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                digest.update(piece, 0, n);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
