/** What makes an unmodified ND4J run this library's ops, and graphs that keep their arrays. */
package org.minigpt.runtime;
