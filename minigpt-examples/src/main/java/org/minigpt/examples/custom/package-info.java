/** A layer type and an op that the library does not have, made as {@code docs/extending.md} explains. */
package org.minigpt.examples.custom;
