/** The arithmetic of each op on tiles of {@code float[]} and with BLAS, and the same in plain doubles. */
package org.minigpt.internal.kernels;
