package org.minigpt.cli.bench;

/**
 * What a workload took.
 *
 * @param stepMillis a training step, the mean over the fastest round
 * @param forwardMillis the loss alone, likewise
 * @param secondsToFirstStep from the start of the JVM to the end of the first step
 */
public record Measurement(double stepMillis, double forwardMillis, double secondsToFirstStep) {}
