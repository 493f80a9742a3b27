/**
 * Tensors by name in binary files, their values, and the way from them to a {@code Gpt}: what safetensors and the formats
 * of other programs share.
 */
package org.minigpt.internal.tensors;
