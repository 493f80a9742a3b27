package org.minigpt.dl4j;

/**
 * DL4J's names of a layer's parameters. Its networks call a parameter {@code layer_name} and look for the last
 * underscore to tell the two apart, so that {@code attn.c_attn.weight} is {@code attn.cAttn.weight} here.
 */
public final class ParameterKeys {
    private ParameterKeys() {}

    /** @return the name of a fragment's parameter without underscores */
    public static String of(String name) {
        StringBuilder key = new StringBuilder();
        boolean upper = false;
        for (char c : name.toCharArray()) {
            if (c == '_') {
                upper = true;
            } else {
                key.append(upper ? Character.toUpperCase(c) : c);
                upper = false;
            }
        }
        return key.toString();
    }
}
