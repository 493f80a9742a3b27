/**
 * Training, preparing and scoring on the machines of an Apache Spark cluster. What runs on an executor is a function of
 * what it is sent, so that a task that Spark repeats, for whatever reason, gives the same bits. Letters as elsewhere, and
 * W workers, H local steps of a round.
 */
package org.minigpt.spark;
