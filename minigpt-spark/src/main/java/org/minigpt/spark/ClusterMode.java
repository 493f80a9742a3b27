package org.minigpt.spark;

import java.io.Serializable;
import org.minigpt.MiniGptException;

/** How workers share a training. */
public sealed interface ClusterMode extends Serializable {

    /**
     * Every step is one of all workers: each computes the gradients of some leaves of the batch, and the driver adds them
     * up and steps. The bits are those of as many replicas in one process, however many workers there are.
     *
     * @param leaves the parts of a batch, at least as many as workers
     */
    record Exact(int leaves) implements ClusterMode {

        /** @throws MiniGptException if the number is out of range */
        public Exact {
            require("leaves", leaves);
        }
    }

    /**
     * DiLoCo (Douillard et al. 2023, arXiv:2311.08105): each worker takes steps of its own on batches of its own, and
     * after a round the parameters take a step of Nesterov's along the mean of what the workers have changed.
     *
     * @param steps H, of a worker in a round
     * @param learningRate of the step after a round, 0.7 in the paper
     * @param momentum of the step after a round, 0.9 in the paper
     * @param replicas the threads of a worker
     */
    record Local(int steps, double learningRate, double momentum, int replicas) implements ClusterMode {

        /** @throws MiniGptException if a number is out of range */
        public Local {
            require("steps", steps);
            require("replicas", replicas);
            if (!(learningRate > 0 && learningRate < Double.POSITIVE_INFINITY && momentum >= 0 && momentum < 1)) {
                throw new MiniGptException(
                        "an outer step at the rate " + learningRate + " with the momentum " + momentum
                                + " can't be had; choose a positive rate, 0.7 is usual, and 0 ≤ momentum < 1, such as 0.9");
            }
        }

        /** The paper's outer step, and one thread a worker. */
        public Local(int steps) {
            this(steps, 0.7, 0.9, 1);
        }
    }

    private static void require(String name, int value) {
        if (value < 1) {
            throw new MiniGptException(name + " is " + value + " but must be at least 1; set it");
        }
    }
}
