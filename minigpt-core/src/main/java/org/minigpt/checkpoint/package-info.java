/**
 * Checkpoints: a run in a folder, so that it can go on bit for bit after a stop or a crash. This is where training and
 * files meet; neither {@code train} nor {@code io} knows of the other.
 */
package org.minigpt.checkpoint;
