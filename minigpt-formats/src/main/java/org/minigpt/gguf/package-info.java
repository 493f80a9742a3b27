/** Models in GGUF, the format of llama.cpp, with their tokenizers. */
package org.minigpt.gguf;
