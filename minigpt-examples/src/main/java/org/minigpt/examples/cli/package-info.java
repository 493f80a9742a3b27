/** The command line {@code minigpt}: train, sample, eval, info, export, bench. */
package org.minigpt.examples.cli;
