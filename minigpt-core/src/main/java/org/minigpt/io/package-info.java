/**
 * Models in files: the safetensors format and the folder of a Hugging Face GPT-2. Nothing here knows of training.
 */
package org.minigpt.io;
