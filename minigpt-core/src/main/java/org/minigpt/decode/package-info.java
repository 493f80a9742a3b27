/**
 * The logits of the next tokens of sequences that grow, with keys and values of earlier tokens remembered: what
 * generation needs of a model.
 */
package org.minigpt.decode;
