/** The command line {@code minigpt}: train, sample, eval, info, bench. */
package org.minigpt.examples.cli;
