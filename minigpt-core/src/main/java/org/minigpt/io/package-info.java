/**
 * Models in files: the folder of a Hugging Face GPT-2, GGUF, llm.c and ONNX. Nothing here knows of training.
 */
package org.minigpt.io;
