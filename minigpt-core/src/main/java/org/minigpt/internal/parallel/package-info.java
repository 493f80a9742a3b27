/** The threads that share work. */
package org.minigpt.internal.parallel;
