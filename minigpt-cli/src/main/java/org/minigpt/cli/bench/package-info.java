/** Measures training steps: how long they take, and how much of the machine they use. */
package org.minigpt.cli.bench;
