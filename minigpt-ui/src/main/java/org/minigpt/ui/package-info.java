/** Deeplearning4j's training UI, fed by a {@link org.minigpt.train.Trainer}. */
package org.minigpt.ui;
