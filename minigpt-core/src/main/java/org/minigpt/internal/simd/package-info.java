/** The inner loops on {@code float[]}, each in plain Java and by the Vector API. */
package org.minigpt.internal.simd;
