package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecentlyUsedTest {
    private final List<Long> left = new ArrayList<>();
    private final RecentlyUsed<String, Long> map = new RecentlyUsed<>(10, size -> size, left::add);

    @Test
    void letsGoOfTheLeastRecentlyUsedBeyondTheBound() {
        map.put("a", 4L);
        map.put("b", 5L);
        map.get("a");
        map.put("c", 3L);

        assertEquals(List.of(5L), left);
        assertNull(map.get("b"));
        assertEquals(4L, map.get("a"));
        assertEquals(3L, map.get("c", key -> 9L), "is not made again");
    }

    @Test
    void keepsTheLastOneHoweverLarge() {
        map.put("a", 4L);
        map.put("b", 100L);
        assertEquals(List.of(4L), left);
        assertEquals(100L, map.get("b"));

        map.put("c", 1L);
        assertEquals(List.of(4L, 100L), left);
    }

    @Test
    void letsGoOfWhatIsReplacedAndOfAll() {
        map.put("a", 4L);
        map.put("a", 6L);
        assertEquals(List.of(4L), left);
        map.put("b", 4L);
        assertEquals(List.of(4L), left, "what left does not count");

        map.clear();
        assertEquals(List.of(4L, 6L, 4L), left);
        assertNull(map.get("a"));
    }
}
