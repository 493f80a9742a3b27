package org.minigpt.graph;

import java.util.function.Function;
import org.minigpt.graph.OpSet.Dropout;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * What a {@link GraphLayer} is given to define itself with: the ops, and a place among the names, so that the layer in
 * scope {@code h.0.attn} finds {@code c_attn.weight} as {@code h.0.attn.c_attn.weight}.
 */
public final class Scope {
    private final OpSet ops;
    private final String prefix;
    private final Function<String, SDVariable> parameters;
    private final SDVariable dropoutKey;

    private Scope(OpSet ops, String prefix, Function<String, SDVariable> parameters, SDVariable dropoutKey) {
        this.ops = ops;
        this.prefix = prefix;
        this.parameters = parameters;
        this.dropoutKey = dropoutKey;
    }

    /**
     * @param ops that the graph is made of
     * @param parameters finds a parameter's variable by its full name
     * @param dropoutKey LONG scalar that seeds the masks of a training step and is 0 otherwise; null if nothing is ever
     *     dropped
     */
    public static Scope root(OpSet ops, Function<String, SDVariable> parameters, SDVariable dropoutKey) {
        return new Scope(ops, "", parameters, dropoutKey);
    }

    /** @return the scope of a layer inside this one */
    public Scope in(String name) {
        return new Scope(ops, name(name), parameters, dropoutKey);
    }

    /** @return the ops to build with */
    public OpSet ops() {
        return ops;
    }

    /** @return the name of this scope, for the output of a layer that is one operation */
    public String name() {
        return prefix;
    }

    /** @return the full name of something inside this scope */
    public String name(String local) {
        return prefix.isEmpty() ? local : prefix + "." + local;
    }

    /** @return the variable of a parameter that the layer declares */
    public SDVariable parameter(String local) {
        return parameters.apply(name(local));
    }

    /** @return dropout at the place {@code local}, with masks of its own */
    public Dropout dropout(String local, double p) {
        return dropoutKey == null || p == 0
                ? Dropout.NONE
                : new Dropout(dropoutKey, p, name(local).hashCode());
    }
}
