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
    private static Properties projects() {
        Properties versions = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            versions.load(in);
            return versions;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The versions of the projects and of the Java that runs them. */
    static Map<String, String> all() {
        Map<String, String> versions = new TreeMap<>();
        projects().forEach((name, version) -> versions.put((String) name, (String) version));
        versions.put("java", System.getProperty("java.version"));
        versions.put("java_vendor", System.getProperty("java.vendor"));
        return versions;
    }

    @Override
    public String[] getVersion() {
        Properties versions = projects();
        String commit = versions.getProperty("commit");
        return new String[] {
            "minigpt " + versions.getProperty("minigpt") + (commit.isEmpty() ? "" : " (" + commit + ")"),
            "Deeplearning4j and ND4J " + versions.getProperty("dl4j") + ", kernels by " + kernels(),
            "Java ${java.version} (${java.vendor}), ${os.name} ${os.arch}",
        };
    }

    /** Without a look at ND4J, which takes longer to load than all else of {@code --version}: doctor has that. */
    private static String kernels() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() ? "the Vector API" : "plain Java";
    }
}
