package org.minigpt.spark;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A SPARK_HOME of the jars that Maven has brought. */
public final class ClusterHome {
    private ClusterHome() {}

    /** Makes it, if it is not there, and says what a context needs to know. */
    public static Map<String, String> settings() {
        Path home = Path.of(System.getenv("SPARK_HOME"));
        List<String> folders = new ArrayList<>();
        try {
            Path jars = Files.createDirectories(home.resolve("jars"));
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                Path path = Path.of(entry).toAbsolutePath();
                if (Files.isDirectory(path)) {
                    folders.add(path.toString());
                } else if (Files.exists(path) && !Files.exists(jars.resolve(path.getFileName()))) {
                    Files.createSymbolicLink(jars.resolve(path.getFileName()), path);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return Map.of(
                "spark.ui.enabled", "false",
                "spark.executor.memory", "700m",
                "spark.executor.extraClassPath", String.join(File.pathSeparator, folders));
    }
}
