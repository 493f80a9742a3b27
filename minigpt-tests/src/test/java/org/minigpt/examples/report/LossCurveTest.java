package org.minigpt.examples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossCurveTest {

    @Test
    void drawsBothCurvesDownward(@TempDir Path dir) throws IOException {
        LossCurve curve = new LossCurve();
        for (int i = 0; i <= 4; i++) {
            curve.add(100 * i, 4 - i * 0.5, 4.4 - i * 0.4);
        }
        Path png = dir.resolve("loss.png");

        curve.write(png, "a title");

        BufferedImage image = ImageIO.read(png.toFile());
        assertEquals(900, image.getWidth());
        assertEquals(560, image.getHeight());
        for (Color color : new Color[] {LossCurve.TRAIN, LossCurve.VALIDATION}) {
            // Above the lower left and below the upper right, where the legend is, the line falls: y grows with x.
            int left = firstRow(image, color, 70, 130);
            int right = firstRow(image, color, 800, 870);
            assertTrue(left > 0 && right > left + 100, color + ": from y " + left + " to " + right);
        }
    }

    /** The first row below the legend with this color between two columns; -1 if there is none. */
    private static int firstRow(BufferedImage image, Color color, int fromX, int toX) {
        for (int y = fromX > 400 ? 100 : 0; y < image.getHeight(); y++) {
            for (int x = fromX; x < toX; x++) {
                if (image.getRGB(x, y) == color.getRGB()) {
                    return y;
                }
            }
        }
        return -1;
    }
}
