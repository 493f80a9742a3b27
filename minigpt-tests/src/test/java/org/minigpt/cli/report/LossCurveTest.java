package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
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

    /** The library looks for marks of an axis until they suit it, which at losses of 1e18 they never do. */
    @Test
    void anyLossesAreDrawnInBoundedTime(@TempDir Path dir) {
        double[][] runs = {
            {3, 6, 700, 5e9, 7e17, 1e18},
            {1e18, 3e17, 5},
            {Double.MAX_VALUE, 1},
            {5, Double.MAX_VALUE},
            {5, 5, 5},
            {5, Math.nextUp(5.0)},
            {1e-12, 1e-13},
            {0, 0},
            {1e5, 1e6, 1e7},
            {999_999, 1_000_000}
        };
        for (double[] losses : runs) {
            LossCurve curve = new LossCurve();
            for (int i = 0; i < losses.length; i++) {
                curve.add(i, losses[i], losses[i] * 0.99);
            }
            assertTimeoutPreemptively(
                    Duration.ofSeconds(60),
                    () -> curve.write(dir.resolve("loss.png"), "title"),
                    Arrays.toString(losses));
        }
    }

    /** What a run's last, absurd losses would flatten to a line stays to be seen. */
    @Test
    void aRunThatDivergesLeavesThePicture(@TempDir Path dir) throws IOException {
        LossCurve curve = new LossCurve();
        for (int i = 0; i <= 10; i++) {
            curve.add(i, 4 - i * 0.1, i == 10 ? 1e18 : 4 - i * 0.1);
        }
        Path file = dir.resolve("loss.png");
        curve.write(file, "title");
        BufferedImage image = ImageIO.read(file.toFile());
        int atEnd = firstRow(image, LossCurve.VALIDATION, 800, 870);
        int before = firstRow(image, LossCurve.TRAIN, 800, 870);
        assertTrue(atEnd < 150 && before > 300, atEnd + ", " + before);
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
