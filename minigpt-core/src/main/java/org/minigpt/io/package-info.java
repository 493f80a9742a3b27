/**
 * Models in files: the folder of a Hugging Face GPT-2 or Llama, safetensors, adapters, and DL4J's networks. Nothing here knows of training.
 */
package org.minigpt.io;
