package org.minigpt.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
final class Version implements IVersionProvider {
    private static Properties projects() throws IOException {
        Properties versions = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            versions.load(in);
        }
        return versions;
    }

    /** The versions of the projects and of the Java that runs them. */
    static Map<String, String> all() {
        try {
            Map<String, String> versions = new TreeMap<>();
            projects().forEach((name, version) -> versions.put((String) name, (String) version));
            versions.put("java", System.getProperty("java.version"));
            versions.put("java_vendor", System.getProperty("java.vendor"));
            return versions;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String[] getVersion() throws IOException {
        Properties versions = projects();
        return new String[] {
            "minigpt " + versions.getProperty("minigpt"),
            "Deeplearning4j " + versions.getProperty("dl4j"),
            "Java ${java.version} (${java.vendor}), ${os.name} ${os.arch}",
        };
    }
}
