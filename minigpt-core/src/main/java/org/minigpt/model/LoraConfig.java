package org.minigpt.model;

import java.util.List;
import org.minigpt.MiniGptException;

/**
 * The shape of a {@link Lora} adapter, with the names and defaults of Hugging Face's PEFT.
 *
 * @param rank r, the inner dimension of the product that is added to a weight; 8 by default
 * @param alpha the product is scaled by alpha/r; 8 by default
 * @param targetModules the linear layers whose weights are adapted, by the last part of their names: {@code c_attn}, the
 *     default, {@code c_proj}, which both attention and feed-forward have, {@code c_fc}
 */
public record LoraConfig(int rank, double alpha, List<String> targetModules) {

    /** @throws MiniGptException if the rank is not positive, alpha is not above 0, or there are no targets */
    public LoraConfig {
        if (rank < 1) {
            throw new MiniGptException("lora_rank is " + rank + " but must be at least 1; set it, such as to 8");
        }
        if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException(
                    "lora_alpha is " + alpha + " but must be above 0; choose one, such as " + rank + ", the rank");
        }
        targetModules = List.copyOf(targetModules);
        if (targetModules.isEmpty()) {
            throw new MiniGptException("lora_targets are empty; name linear layers, such as c_attn");
        }
    }

    /** @return an adapter of the queries, keys and values with alpha = r */
    public static LoraConfig ofRank(int rank) {
        return new LoraConfig(rank, rank, List.of("c_attn"));
    }

    /** @return alpha/r, what the product is multiplied by */
    public double scale() {
        return alpha / rank;
    }
}
