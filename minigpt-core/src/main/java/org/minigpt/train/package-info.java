/**
 * Training: batches to loss and gradients, clipping, AdamW, evaluation. It knows of models no more than that they have
 * a loss, gradients and parameters, and nothing of text. Shapes: B batch size, T block size (time).
 *
 * <p>An iteration is one step of the optimizer. Iterations are counted from 0, as nanoGPT's {@code iter_num}; an
 * evaluation at iteration i is of the parameters after i steps.
 */
package org.minigpt.train;
