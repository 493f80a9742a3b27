package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AttentionHeatMapTest {
    /** One layer, two heads, three tokens: the first head looks at itself, the second at the beginning. */
    private static final double[][][][] WEIGHTS = {
        {
            {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
            {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}},
        }
    };

    private final AttentionHeatMap map = new AttentionHeatMap(List.of("a", " ", "\n"), WEIGHTS);
    private final BufferedImage image = map.draw();

    private Color cell(int head, int row, int column) {
        int half = AttentionHeatMap.cell() / 2;
        return new Color(image.getRGB(
                map.left(head) + column * AttentionHeatMap.cell() + half,
                map.top(0) + row * AttentionHeatMap.cell() + half));
    }

    @Test
    void everyWeightHasItsColor() {
        for (int head = 0; head < 2; head++) {
            for (int row = 0; row < 3; row++) {
                for (int column = 0; column < 3; column++) {
                    Color expected = column > row
                            ? AttentionHeatMap.FUTURE
                            : AttentionHeatMap.color(WEIGHTS[0][head][row][column]);
                    assertEquals(expected, cell(head, row, column), "head " + head + ", " + row + ", " + column);
                }
            }
        }
    }

    @Test
    void moreWeightIsDarker() {
        int lightest = 3 * 256;
        for (int i = 0; i <= 10; i++) {
            Color color = AttentionHeatMap.color(i / 10.0);
            int sum = color.getRed() + color.getGreen() + color.getBlue();
            assertTrue(sum < lightest, color + " at " + i / 10.0);
            lightest = sum;
        }
        assertEquals(Color.WHITE, AttentionHeatMap.color(0));
    }

    @Test
    void writesAPicture(@TempDir Path dir) throws IOException {
        Path png = dir.resolve("attention.png");

        map.write(png);

        BufferedImage read = ImageIO.read(png.toFile());
        assertEquals(image.getWidth(), read.getWidth());
        assertEquals(image.getHeight(), read.getHeight());
        assertEquals(cell(0, 1, 1).getRGB(), read.getRGB(map.left(0) + 18, map.top(0) + 18));
    }
}
