/** Programs to read and to copy from. */
package org.minigpt.examples;
