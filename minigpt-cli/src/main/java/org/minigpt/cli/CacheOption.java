package org.minigpt.cli;

import org.minigpt.decode.Decoder.CacheType;
import picocli.CommandLine.Option;

/** In which type keys and values of earlier tokens are remembered. */
final class CacheOption {

    @Option(
            names = "--cache",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "Remember keys and values of earlier tokens as f32 or f16, which takes half of the memory"
                    + " [${DEFAULT-VALUE}].")
    private CacheType type;

    CacheType type() {
        return type;
    }
}
