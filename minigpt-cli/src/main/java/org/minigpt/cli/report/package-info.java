/** What a run shows and leaves behind: progress, losses, samples, and pictures of them. */
package org.minigpt.cli.report;
