/**
 * GPT's layers for DL4J's {@code MultiLayerNetwork} and {@code ComputationGraph}: the fragments of {@code
 * org.minigpt.graph} behind DL4J's configuration classes.
 */
package org.minigpt.dl4j;
