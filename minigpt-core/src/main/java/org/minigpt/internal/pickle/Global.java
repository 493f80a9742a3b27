package org.minigpt.internal.pickle;

/**
 * What a pickle names for Python to import: a class or a function.
 *
 * @param module such as {@code collections}
 * @param name such as {@code OrderedDict}
 */
public record Global(String module, String name) {
    @Override
    public String toString() {
        return module + "." + name;
    }
}
