package org.minigpt.cli.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The losses of a run over its iterations, as a picture. */
public final class LossCurve {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 560;
    /** Of the first loss, how much is drawn at most: a run that diverges leaves the picture at its upper edge. */
    private static final double HIGHEST = 10;
    /** Beyond that the search for marks of the axis takes for ever. */
    private static final double HIGHEST_AT_ALL = 1e6;

    static final Color TRAIN = new Color(0x1F77B4);
    static final Color VALIDATION = new Color(0xD62728);

    private final List<Double> iterations = new ArrayList<>();
    private final List<Double> train = new ArrayList<>();
    private final List<Double> validation = new ArrayList<>();

    /** Adds what one evaluation found; losses in nats a token. */
    public void add(long iteration, double trainLoss, double validationLoss) {
        iterations.add((double) iteration);
        train.add(trainLoss);
        validation.add(validationLoss);
    }

    /** @return whether there is nothing to draw */
    public boolean isEmpty() {
        return iterations.isEmpty();
    }

    /**
     * Draws the curve; a screen is not needed.
     *
     * @param png the file, replaced if it is there
     */
    public void write(Path png, String title) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle("iteration")
                .yAxisTitle("loss (nats a token)")
                .build();
        chart.getStyler()
                .setLegendPosition(Styler.LegendPosition.InsideNE)
                .setChartBackgroundColor(Color.WHITE)
                .setPlotBorderVisible(false);
        chart.getStyler().setYAxisDecimalPattern("0.0").setXAxisDecimalPattern("#,##0");
        add(chart, "train", train, TRAIN);
        add(chart, "validation", validation, VALIDATION);
        Png.write(png, () -> BitmapEncoder.getBufferedImage(chart));
    }

    private void add(XYChart chart, String name, List<Double> losses, Color color) {
        double last = losses.get(losses.size() - 1);
        String label = String.format(
                Locale.ROOT, last < HIGHEST_AT_ALL ? "%s, %.4f at the end" : "%s, %.4g at the end", name, last);
        double highest = Math.min(HIGHEST_AT_ALL, HIGHEST * Math.max(1, Math.max(train.get(0), validation.get(0))));
        XYSeries series = chart.addSeries(
                label,
                iterations,
                losses.stream().map(loss -> Math.min(loss, highest)).toList());
        series.setLineColor(color);
        series.setLineStyle(new BasicStroke(2f));
        series.setMarker(iterations.size() <= 30 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
        series.setMarkerColor(color);
    }
}
