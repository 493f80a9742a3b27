package org.minigpt.model;

import java.util.List;

/**
 * A parameter's place in the flat vectors of a {@link Gpt}.
 *
 * @param name Hugging Face GPT-2's
 * @param shape sizes of the axes
 * @param offset of its first entry
 * @param length the number of its entries
 */
public record ParameterInfo(String name, List<Long> shape, long offset, long length) {

    /** @return whether it has two axes or more: nanoGPT decays those only */
    public boolean matrix() {
        return shape.size() >= 2;
    }
}
