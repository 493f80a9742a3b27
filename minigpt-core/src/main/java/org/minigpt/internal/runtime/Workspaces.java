package org.minigpt.internal.runtime;

import java.util.function.Supplier;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Makes what outlives a call. While one of ND4J's workspaces is open, new arrays lie in it and are overwritten when it
 * is opened again: DL4J's layers run so, and its users may load a model so.
 */
public final class Workspaces {
    private Workspaces() {}

    /** @return what {@code make} returns, whose arrays lie outside of all workspaces */
    @SuppressWarnings("try") // the scope is there for its effect
    public static <T> T outside(Supplier<T> make) {
        try (MemoryWorkspace outside = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            return make.get();
        }
    }
}
