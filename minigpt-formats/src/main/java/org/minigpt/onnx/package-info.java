/** Models in ONNX, which this library writes and does not read. */
package org.minigpt.onnx;
