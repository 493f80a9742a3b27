/** The command line {@code minigpt}: train, sample, eval, info, import, export, bench. */
package org.minigpt.cli;
