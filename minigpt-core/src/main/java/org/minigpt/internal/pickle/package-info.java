/** Python's pickles, as values and never as a program. */
package org.minigpt.internal.pickle;
