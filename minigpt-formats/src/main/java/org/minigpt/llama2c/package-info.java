/** Models in the files of llama2.c. */
package org.minigpt.llama2c;
