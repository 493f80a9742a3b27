/**
 * Token ids on their way to a model: the split into training and validation, windows, batches, and DL4J's iterator
 * over them. Nothing here knows of models or of text. Shapes: B batch size, T block size (time).
 */
package org.minigpt.data;
