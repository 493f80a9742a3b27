package org.minigpt.internal.simd;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.stream.Stream;

/** The arithmetic in plain Java and by vectors of 8 and of 16 floats, whatever this machine's vectors are. */
record Variant(String name, PlainTileMath math, Products products, RowProducts rows, DotProducts dots) {
    static final Variant PLAIN = new Variant(
            "plain", new PlainTileMath(), new PlainProducts(), new PlainRowProducts(), new PlainDotProducts());
    static final List<Variant> VECTORS = List.of(vectors(8), vectors(16));

    static Stream<Variant> all() {
        return Stream.concat(Stream.of(PLAIN), VECTORS.stream());
    }

    private static Variant vectors(int floats) {
        return new Variant(
                floats + " floats",
                (PlainTileMath) define(VectorTileMath.class, floats),
                (Products) define(VectorProducts.class, floats),
                (RowProducts) define(VectorRowProducts.class, floats),
                (DotProducts) define(VectorDotProducts.class, floats));
    }

    /** An instance of the class, defined once more with other vectors. */
    static Object define(Class<?> original, int floats) {
        try (InputStream code = original.getResourceAsStream(original.getSimpleName() + ".class")) {
            // By name, since javac offers the incubator module with a warning only.
            Object species = Class.forName("jdk.incubator.vector.FloatVector")
                    .getField("SPECIES_" + floats * Float.SIZE)
                    .get(null);
            return MethodHandles.lookup()
                    .defineHiddenClassWithClassData(code.readAllBytes(), species, true)
                    .lookupClass()
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (IOException | ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
