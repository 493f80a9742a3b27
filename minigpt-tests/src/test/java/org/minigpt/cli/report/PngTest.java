package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngTest {
    @TempDir
    Path dir;

    /** As Java forgets it where it loads its fonts, once in a JVM. */
    @Test
    void anInterruptedThreadStaysInterrupted() throws Exception {
        Path file = dir.resolve("a.png");
        Thread.currentThread().interrupt();
        Png.write(file, () -> {
            assertTrue(Thread.interrupted());
            return new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        });

        assertTrue(Thread.interrupted(), "the flag is gone");
        assertEquals(3, ImageIO.read(file.toFile()).getWidth());
    }
}
