package org.minigpt.internal.runtime;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * A map that lets go of what was not used for the longest time, as soon as all that it holds is more than its bound. It
 * keeps the last value that was put, however large that is. For use by one thread at a time.
 */
public final class RecentlyUsed<K, V> {
    private final Map<K, V> values = new LinkedHashMap<>(16, 0.75f, true);
    private final long bound;
    private final ToLongFunction<V> size;
    private final Consumer<V> letGo;
    private long total;

    /**
     * @param bound of the sizes' sum
     * @param size of a value, which does not change
     * @param letGo is called with each value that leaves the map
     */
    public RecentlyUsed(long bound, ToLongFunction<V> size, Consumer<V> letGo) {
        this.bound = bound;
        this.size = size;
        this.letGo = letGo;
    }

    /** @return null if there is none, or no more */
    public V get(K key) {
        return values.get(key);
    }

    /** @return the value of a key, made if there is none */
    public V get(K key, Function<K, V> make) {
        V value = values.get(key);
        if (value == null) {
            value = make.apply(key);
            put(key, value);
        }
        return value;
    }

    /** Sets the value of a key; the one that it had leaves. */
    public void put(K key, V value) {
        remove(key);
        values.put(key, value);
        total += size.applyAsLong(value);
        for (Iterator<V> eldest = values.values().iterator(); total > bound && values.size() > 1; ) {
            V leaving = eldest.next();
            eldest.remove();
            leave(leaving);
        }
    }

    /** Lets go of the value of a key, if it has one. */
    public void remove(K key) {
        V value = values.remove(key);
        if (value != null) {
            leave(value);
        }
    }

    /** Lets go of all values. */
    public void clear() {
        values.values().forEach(this::leave);
        values.clear();
    }

    private void leave(V value) {
        total -= size.applyAsLong(value);
        letGo.accept(value);
    }
}
