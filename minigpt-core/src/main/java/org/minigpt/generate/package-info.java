/**
 * Text from a trained model: samplers choose a token from its logits, one after the other. Nothing here knows of
 * training.
 */
package org.minigpt.generate;
