package org.minigpt.decode;

import java.util.Locale;

/** In which type a decoder remembers keys and values: what a token reads of those before it. */
public enum CacheType {
    /** As they were computed. */
    F32,
    /** IEEE 754's half precision, to 11 bits: half of the memory. What is beyond 65504 becomes infinite. */
    F16;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
