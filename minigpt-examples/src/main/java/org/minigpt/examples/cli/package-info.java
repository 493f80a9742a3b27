/** The command line {@code minigpt}: train, sample, eval, info. */
package org.minigpt.examples.cli;
