/** What an op in Java is: what this library and its users extend to compute something that ND4J does not. */
package org.minigpt.ops;
