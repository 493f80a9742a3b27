package org.minigpt.graph;

/** How a model knows where in the sequence a token stands. */
public enum Positions {
    /** A row of {@code wpe.weight} for each place, added to the token's: the lecture's and GPT-2's. */
    LEARNED,
    /**
     * Queries and keys turned by an angle that grows with the place, RoPE (Su et al. 2021, arXiv:2104.09864); entry j of a
     * head with entry j + D/2, as in Hugging Face's Llama.
     */
    ROTARY,
    /** Scores that fall off with the distance, ALiBi (Press et al. 2022, arXiv:2108.12409). */
    ALIBI
}
