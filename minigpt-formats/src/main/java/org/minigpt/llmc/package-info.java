/** Models in the checkpoints of llm.c. */
package org.minigpt.llmc;
