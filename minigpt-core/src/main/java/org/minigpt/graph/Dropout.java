package org.minigpt.graph;

import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Where and how much a graph drops.
 *
 * @param key LONG scalar that is 0 when nothing shall be dropped, else the seed of this step's masks; null for never
 * @param p the share that is dropped
 * @param salt that tells the masks of one place from those of another
 */
public record Dropout(SDVariable key, double p, long salt) {

    /** No dropout at all. */
    public static final Dropout NONE = new Dropout(null, 0, 0);

    /** @return whether the graph needs a node for it */
    public boolean present() {
        return key != null && p > 0;
    }
}
