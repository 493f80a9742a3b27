package org.minigpt.generate;

/**
 * A token that may come next.
 *
 * @param id the token
 * @param logProbability the natural logarithm of the probability that the model gives it, before penalties, temperature and
 *     filters
 */
public record TokenProbability(int id, double logProbability) {}
