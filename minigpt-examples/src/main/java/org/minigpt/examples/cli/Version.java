package org.minigpt.examples.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
        Properties versions = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            versions.load(in);
        }
        return new String[] {
            "minigpt " + versions.getProperty("minigpt"),
            "Deeplearning4j " + versions.getProperty("dl4j"),
            "Java ${java.version} (${java.vendor}), ${os.name} ${os.arch}",
        };
    }
}
