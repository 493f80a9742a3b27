package org.minigpt.examples.report;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.minigpt.util.AtomicFiles;

/** Images on the disk. */
final class Png {
    private Png() {}

    /** Writes a picture; one that is there is replaced. */
    static void write(Path file, BufferedImage image) {
        // The cache of ImageIO would be a temporary file for each picture.
        ImageIO.setUseCache(false);
        AtomicFiles.write(file, out -> ImageIO.write(image, "png", out));
    }
}
