package org.minigpt.internal.pickle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;

/** The numbers and texts within a pickle's bytes. */
final class PickleInput {
    /** {@code raw-unicode-escape}, in which protocol 0 writes texts. */
    private static final Pattern ESCAPE = Pattern.compile("\\\\u(\\p{XDigit}{4})|\\\\U(\\p{XDigit}{8})");

    private static final int MAX_LONG_BYTES = Long.BYTES;

    private final Path path;
    private final ByteBuffer in;

    /** @param in little-endian, from the pickle's first byte on */
    PickleInput(Path path, ByteBuffer in) {
        this.path = path;
        this.in = in;
    }

    int position() {
        return in.position();
    }

    int octet() {
        return in.get() & 0xFF;
    }

    int twoOctets() {
        return in.getShort() & 0xFFFF;
    }

    long fourOctets() {
        return in.getInt() & 0xFFFFFFFFL;
    }

    int signed() {
        return in.getInt();
    }

    long eightOctets() {
        return in.getLong();
    }

    double bigEndianReal() {
        return Double.longBitsToDouble(Long.reverseBytes(in.getLong()));
    }

    String line() {
        int start = in.position();
        while (in.get() != '\n') {
            // Ends at the buffer's end too, with an exception.
        }
        return new String(in.array(), start, in.position() - 1 - start, ISO_8859_1);
    }

    long decimal() {
        return parse(line());
    }

    /** Protocol 0 and 1 write booleans so too. */
    Object integer() {
        String digits = line();
        return digits.equals("00") || digits.equals("01") ? (Object) digits.equals("01") : (Object) parse(digits);
    }

    long decimalOfPython2() {
        return parse(line().replaceFirst("L$", ""));
    }

    private long parse(String digits) {
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw damaged("it has a whole number that is none, or larger than 64 bits");
        }
    }

    double real() {
        try {
            return Double.parseDouble(line());
        } catch (NumberFormatException e) {
            throw damaged("it has a number that is none");
        }
    }

    long littleEndian(int count) {
        if (count < 0 || count > MAX_LONG_BYTES) {
            throw damaged("it has a whole number that is larger than 64 bits");
        }
        byte[] bytes = new byte[MAX_LONG_BYTES + 1];
        for (int i = 0; i < count; i++) {
            bytes[count - i] = in.get();
        }
        return count == 0 ? 0 : new BigInteger(bytes, 1, count).longValue();
    }

    String text(long count) {
        if (count < 0 || count > in.remaining()) {
            throw damaged("it ends too early");
        }
        ByteBuffer bytes = in.slice(in.position(), (int) count);
        in.position(in.position() + (int) count);
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw damaged("it has a text that is not UTF-8");
        }
    }

    String escapedLine() {
        return ESCAPE.matcher(line()).replaceAll(found -> {
            int character = Integer.parseUnsignedInt(found.group(1) != null ? found.group(1) : found.group(2), 16);
            if (!Character.isValidCodePoint(character)) {
                throw damaged("it has a text that is not Unicode");
            }
            return Matcher.quoteReplacement(Character.toString(character));
        });
    }

    MiniGptException damaged(String how) {
        return new MiniGptException(path + " is damaged, or no pickle of Python's, " + how + ": make it again.");
    }
}
