package org.minigpt.data;

import java.io.Serializable;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** What DL4J's iterators go through: batches, one after the other. */
interface Epoch extends Serializable {

    /** @return B, the rows of a batch */
    int batchSize();

    boolean hasNext();

    /**
     * @param num the number of rows; there may be fewer at the end of a text
     * @throws org.minigpt.MiniGptException if it is below 1, or too large for an array
     * @throws NoSuchElementException if the epoch is over
     */
    Batch next(int num);

    /** Goes back to the first batch. */
    void reset();

    /** @return the same epoch, from the first batch on */
    Epoch again();

    /** @return its batches of B rows from here on, but for the last, which may have fewer */
    default Iterator<Batch> batches() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return Epoch.this.hasNext();
            }

            @Override
            public Batch next() {
                return Epoch.this.next(batchSize());
            }
        };
    }

    /** @param length of the epoch, with its unit */
    static NoSuchElementException over(String length) {
        return new NoSuchElementException("the epoch of " + length + " is over; call reset() to go through it again");
    }
}
