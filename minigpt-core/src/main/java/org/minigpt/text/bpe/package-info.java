/** Byte-level byte-pair encoding, GPT-2's: the tokenizer and the way to train one. */
package org.minigpt.text.bpe;
