/** The texts that the examples train on. */
package org.minigpt.cli.corpus;
