/** Fragments of a graph: the layers that a GPT is made of, the parameters that they declare, and the two op sets. */
package org.minigpt.graph;
