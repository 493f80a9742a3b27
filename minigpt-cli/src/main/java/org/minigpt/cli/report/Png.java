package org.minigpt.cli.report;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import org.minigpt.files.AtomicFiles;

/** Images on the disk. */
final class Png {
    private Png() {}

    /** Draws a picture and writes it; one that is there is replaced. */
    static void write(Path file, Supplier<BufferedImage> picture) {
        // Where Java loads its fonts, for the first drawing, it forgets that the thread was interrupted.
        boolean interrupted = Thread.currentThread().isInterrupted();
        try {
            BufferedImage image = picture.get();
            // The cache of ImageIO would be a temporary file for each picture.
            ImageIO.setUseCache(false);
            AtomicFiles.write(file, out -> ImageIO.write(image, "png", out));
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
