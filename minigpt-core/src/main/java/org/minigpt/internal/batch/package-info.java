/** The rows of a batch, shared out among threads, and their gradients added up in a fixed order. */
package org.minigpt.internal.batch;
