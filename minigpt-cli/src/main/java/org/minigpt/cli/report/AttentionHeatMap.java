package org.minigpt.cli.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;

/**
 * Attention weights as a picture: one panel for each layer (down) and head (across); in a panel a row for each token
 * that attends and a column for each that is attended to. White is 0, dark blue is 1; what is grey lies in
 * the future, which nothing attends to.
 */
public final class AttentionHeatMap {
    private static final int CELL = 12;
    private static final int MARGIN = 24;
    private static final int LABELS = 16;
    private static final int TITLE = 20;
    private static final Font LABEL_FONT = new Font(Font.MONOSPACED, Font.PLAIN, CELL - 1);
    private static final Font TITLE_FONT = new Font(Font.SANS_SERIF, Font.BOLD, 13);
    private static final Color FRAME = new Color(0xD0D0D0);
    static final Color FUTURE = new Color(0xF2F2F2);

    private final List<String> tokens;
    private final double[][][][] weights;

    /**
     * @param tokens T labels
     * @param weights [L][H][T][T], each in [0, 1]; the third index attends to the fourth
     */
    public AttentionHeatMap(List<String> tokens, double[][][][] weights) {
        this.tokens = tokens.stream().map(AttentionHeatMap::visible).toList();
        this.weights = weights;
    }

    /** Draws the panels; a screen is not needed. The file is replaced if it is there. */
    public void write(Path png) {
        Png.write(png, this::draw);
    }

    BufferedImage draw() {
        int right = left(weights[0].length);
        int bottom = top(weights.length);
        BufferedImage image = new BufferedImage(right, bottom, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, right, bottom);
        for (int layer = 0; layer < weights.length; layer++) {
            for (int head = 0; head < weights[layer].length; head++) {
                panel(g, layer, head);
            }
        }
        g.dispose();
        return image;
    }

    /** x of the first column of a head's panels; of the head after the last, the width of the picture. */
    int left(int head) {
        return MARGIN + head * (tokens.size() * CELL + LABELS + MARGIN) + (head < weights[0].length ? LABELS : 0);
    }

    /** y of the first row of a layer's panels; of the layer after the last, the height of the picture. */
    int top(int layer) {
        int titleAndLabels = TITLE + LABELS;
        return MARGIN
                + layer * (tokens.size() * CELL + titleAndLabels + MARGIN)
                + (layer < weights.length ? titleAndLabels : 0);
    }

    /** The width and height of the square that shows one weight. */
    static int cell() {
        return CELL;
    }

    private void panel(Graphics2D g, int layer, int head) {
        int left = left(head);
        int top = top(layer);
        int size = tokens.size() * CELL;
        g.setColor(Color.BLACK);
        g.setFont(TITLE_FONT);
        g.drawString("layer " + (layer + 1) + ", head " + (head + 1), left, top - LABELS - 6);
        g.setFont(LABEL_FONT);
        for (int t = 0; t < tokens.size(); t++) {
            label(g, tokens.get(t), left - LABELS / 2, top + t * CELL + CELL / 2);
            label(g, tokens.get(t), left + t * CELL + CELL / 2, top - LABELS / 2);
            for (int s = 0; s < tokens.size(); s++) {
                g.setColor(s <= t ? color(weights[layer][head][t][s]) : FUTURE);
                g.fillRect(left + s * CELL, top + t * CELL, CELL, CELL);
            }
        }
        g.setColor(FRAME);
        g.drawRect(left - 1, top - 1, size + 1, size + 1);
    }

    private static void label(Graphics2D g, String text, int centerX, int centerY) {
        g.setColor(Color.DARK_GRAY);
        var metrics = g.getFontMetrics();
        g.drawString(
                text,
                centerX - metrics.stringWidth(text) / 2,
                centerY + (metrics.getAscent() - metrics.getDescent()) / 2);
    }

    /** From white over blue to dark blue, lightness falling evenly. */
    static Color color(double weight) {
        double w = Math.max(0, Math.min(1, weight));
        return w < 0.5
                ? mix(Color.WHITE, new Color(0x4A90D9), 2 * w)
                : mix(new Color(0x4A90D9), new Color(0x08204A), 2 * w - 1);
    }

    private static Color mix(Color a, Color b, double share) {
        return new Color(
                (int) Math.round(a.getRed() + share * (b.getRed() - a.getRed())),
                (int) Math.round(a.getGreen() + share * (b.getGreen() - a.getGreen())),
                (int) Math.round(a.getBlue() + share * (b.getBlue() - a.getBlue())));
    }

    private static String visible(String token) {
        return switch (token) {
            case " " -> "\u00b7"; // a middle dot
            case "\n" -> "\u00b6"; // a pilcrow
            case "\t" -> "\u2192"; // an arrow to the right
            default -> token;
        };
    }
}
