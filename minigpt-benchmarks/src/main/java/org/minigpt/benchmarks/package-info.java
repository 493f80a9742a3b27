/**
 * JMH benchmarks of the operations that a GPT is made of: the fused op against the portable ones, in SameDiff graphs of
 * that operation alone.
 */
package org.minigpt.benchmarks;
