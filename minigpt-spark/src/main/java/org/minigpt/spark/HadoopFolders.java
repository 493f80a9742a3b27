package org.minigpt.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.function.IOConsumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.minigpt.MiniGptException;

/** Folders on any file system of Hadoop's, which are made and read as local ones. */
final class HadoopFolders {
    private HadoopFolders() {}

    static org.apache.hadoop.fs.Path resolve(String folder, String name) {
        return new org.apache.hadoop.fs.Path(folder, name);
    }

    /** Uses a local copy of a folder. */
    interface Use<T> {
        T apply(Path local) throws IOException;
    }

    /**
     * Makes a folder, whose files are there when it is.
     *
     * @param fill writes them to a local folder
     */
    static void write(org.apache.hadoop.fs.Path folder, Configuration hadoop, IOConsumer<Path> fill) {
        org.apache.hadoop.fs.Path beside = folder.suffix(".part");
        inTemporary(folder, local -> {
            fill.accept(local);
            FileSystem files = folder.getFileSystem(hadoop);
            files.delete(beside, true);
            try (Stream<Path> all = Files.list(local)) {
                for (Path file : all.sorted().toList()) {
                    files.copyFromLocalFile(
                            new org.apache.hadoop.fs.Path(file.toUri()),
                            new org.apache.hadoop.fs.Path(
                                    beside, file.getFileName().toString()));
                }
            }
            files.delete(folder, true);
            if (!files.rename(beside, folder)) {
                throw new IOException("it can't be renamed from " + beside);
            }
            return folder;
        });
    }

    /** Reads a folder that {@link #write} has made. */
    static <T> T read(org.apache.hadoop.fs.Path folder, Configuration hadoop, Use<T> use) {
        return inTemporary(folder, local -> {
            FileSystem files = folder.getFileSystem(hadoop);
            for (var status : files.listStatus(folder)) {
                files.copyToLocalFile(
                        false,
                        status.getPath(),
                        new org.apache.hadoop.fs.Path(
                                local.resolve(status.getPath().getName()).toUri()),
                        true);
            }
            return use.apply(local);
        });
    }

    private static <T> T inTemporary(org.apache.hadoop.fs.Path folder, Use<T> use) {
        try {
            Path local = Files.createTempDirectory("minigpt");
            try {
                return use.apply(local);
            } finally {
                List<Path> all;
                try (Stream<Path> found = Files.walk(local)) {
                    all = found.sorted(Comparator.reverseOrder()).toList();
                }
                for (Path path : all) {
                    Files.delete(path);
                }
            }
        } catch (IOException e) {
            throw new MiniGptException(folder + " can't be read or written (" + e + "): check the path", e);
        }
    }
}
