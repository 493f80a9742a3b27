package org.minigpt.text;

import java.util.Random;

/** Short texts of what tokenizers treat each in its own way, and of any characters that Unicode 13 has. */
public final class HardTexts {
    private static final String[] PARTS = {
        "'s",
        "'S",
        "'ll",
        "'LL",
        "'rE",
        "'t",
        "'\u017F",
        "'",
        "d",
        " ",
        "  ",
        "     ",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        "\u00A0",
        "\u3000",
        "\u0085",
        "\u2028",
        "1",
        "12",
        "1234567",
        "\u0661\u0662",
        "\u00BD",
        "\u2167",
        ".",
        "!?",
        "...",
        "/",
        "//\n",
        "-",
        "_",
        "\u2581",
        "whale",
        " whale",
        "Whale",
        "WHALE",
        "camelCase",
        "IShmael",
        "\u00E9",
        "e\u0301",
        "\u0301",
        "\u00C5",
        "A\u030A",
        "\u1E9B\u0323",
        "\uAC00",
        "\u1100\u1161",
        "\u4E2D\u6587",
        "\u3042",
        "\u0E01\u0E33",
        "\u0915\u094D\u0937",
        "\uD83D\uDE00",
        "\uD83D\uDC68\u200D\uD83D\uDC69",
        "\uD835\uDC00",
        "\u01C5",
        "\u02B0",
        "\u0000",
        "\u200B",
        "\uFFFD",
        "<s>",
        "</s>",
        "<unk>",
        "<|endoftext|>",
        "<|im_end|>",
        "<|user|>",
        "<0x0A>",
        "<",
        "the whiteness of the whale",
        "http://a.b/c?d=1&e",
        "$3.50",
        "\u20AC",
        "x=y+1;",
        "\"quoted\"",
        "(a)",
        "#",
        "@"
    };

    private HardTexts() {}

    /** The next text, of one to some twenty parts. */
    public static String next(Random random) {
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(20); n >= 0; n--) {
            if (random.nextInt(6) == 0) {
                text.appendCodePoint(character(random));
            } else {
                text.append(PARTS[random.nextInt(PARTS.length)]);
            }
        }
        return text.toString();
    }

    /** One that has been in Unicode for long, so that every program knows what it is. */
    private static int character(Random random) {
        while (true) {
            int c = random.nextInt(random.nextBoolean() ? 0x3000 : 0x20000);
            int type = Character.getType(c);
            if (type != Character.UNASSIGNED && type != Character.SURROGATE && type != Character.PRIVATE_USE) {
                return c;
            }
        }
    }
}
