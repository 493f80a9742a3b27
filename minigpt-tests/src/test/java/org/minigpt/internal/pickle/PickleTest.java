package org.minigpt.internal.pickle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;

/** Pickles that CPython 3.11 wrote with {@code pickle.dumps(value, protocol)}, in Base64. */
public class PickleTest {
    private static final Path FILE = Path.of("a.pkl");

    private static Object read(String base64) {
        return Pickle.read(FILE, Base64.getDecoder().decode(base64));
    }

    /** Protocols 0, 1, 2, 3, 4 and 5. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "KGRwMApWdm9jYWJfc2l6ZQpwMQpJNApzVml0b3MKcDIKKGRwMwpJMApWXHUwMDBhCnA0CnNJMQpWYQpwNQpzSTIKVl"
                        + "x1MDA1YwpwNgpzSTMKVukKcDcKc3NWc3RvaQpwOAooZHA5Cmc0CkkwCnNnNQpJMQpzZzYKSTIKc2c3CkkzCnNzLg==",
                "fXEAKFgKAAAAdm9jYWJfc2l6ZXEBSwRYBAAAAGl0b3NxAn1xAyhLAFgBAAAACnEESwFYAQAAAGFxBUsCWAEAAABccQ"
                        + "ZLA1gCAAAAw6lxB3VYBAAAAHN0b2lxCH1xCShoBEsAaAVLAWgGSwJoB0sDdXUu",
                "gAJ9cQAoWAoAAAB2b2NhYl9zaXplcQFLBFgEAAAAaXRvc3ECfXEDKEsAWAEAAAAKcQRLAVgBAAAAYXEFSwJYAQAAAF"
                        + "xxBksDWAIAAADDqXEHdVgEAAAAc3RvaXEIfXEJKGgESwBoBUsBaAZLAmgHSwN1dS4=",
                "gAN9cQAoWAoAAAB2b2NhYl9zaXplcQFLBFgEAAAAaXRvc3ECfXEDKEsAWAEAAAAKcQRLAVgBAAAAYXEFSwJYAQAAAF"
                        + "xxBksDWAIAAADDqXEHdVgEAAAAc3RvaXEIfXEJKGgESwBoBUsBaAZLAmgHSwN1dS4=",
                "gASVUwAAAAAAAAB9lCiMCnZvY2FiX3NpemWUSwSMBGl0b3OUfZQoSwCMAQqUSwGMAWGUSwKMAVyUSwOMAsOplHWMBH"
                        + "N0b2mUfZQoaARLAGgFSwFoBksCaAdLA3V1Lg==",
                "gAWVUwAAAAAAAAB9lCiMCnZvY2FiX3NpemWUSwSMBGl0b3OUfZQoSwCMAQqUSwGMAWGUSwKMAVyUSwOMAsOplHWMBH"
                        + "N0b2mUfZQoaARLAGgFSwFoBksCaAdLA3V1Lg=="
            })
    void whatNanoGptWrites(String base64) {
        assertEquals(
                Map.of(
                        "vocab_size", 4L,
                        "itos", Map.of(0L, "\n", 1L, "a", 2L, "\\", 3L, "\u00e9"),
                        "stoi", Map.of("\n", 0L, "a", 1L, "\\", 2L, "\u00e9", 3L)),
                read(base64));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "KGxwMApOYUkwMQphSTAwCmFJLTEKYUkyNTUKYUkyNTYKYUk2NTUzNgphTDIxNDc0ODM2NDhMCmFMLTEwOTk1MTE2Mj"
                        + "c3NzZMCmFMNDYxMTY4NjAxODQyNzM4NzkwNEwKYUYxLjUKYSh0YShJMQp0cDEKYShJMQpJMgp0cDIKYShJMQpJMgpJ"
                        + "Mwp0cDMKYShJMQpJMgpJMwpJNAp0cDQKYShscDUKYShkcDYKVmsKcDcKKGxwOApJMQphSTIKYXNhVlxVMDAwMWY2MD"
                        + "AKcDkKYS4=",
                "XXEAKE5JMDEKSTAwCkr/////S/9NAAFKAAABAEwyMTQ3NDgzNjQ4TApMLTEwOTk1MTE2Mjc3NzZMCkw0NjExNjg2MD"
                        + "E4NDI3Mzg3OTA0TApHP/gAAAAAAAApKEsBdHEBKEsBSwJ0cQIoSwFLAksDdHEDKEsBSwJLA0sEdHEEXXEFfXEGWAEA"
                        + "AABrcQddcQgoSwFLAmVzWAQAAADwn5iAcQllLg==",
                "gAJdcQAoToiJSv////9L/00AAUoAAAEAigUAAACAAIoGAAAAAAD/iggAAAAAAAAAQEc/+AAAAAAAAClLAYVxAUsBSw"
                        + "KGcQJLAUsCSwOHcQMoSwFLAksDSwR0cQRdcQV9cQZYAQAAAGtxB11xCChLAUsCZXNYBAAAAPCfmIBxCWUu",
                "gANdcQAoToiJSv////9L/00AAUoAAAEAigUAAACAAIoGAAAAAAD/iggAAAAAAAAAQEc/+AAAAAAAAClLAYVxAUsBSw"
                        + "KGcQJLAUsCSwOHcQMoSwFLAksDSwR0cQRdcQV9cQZYAQAAAGtxB11xCChLAUsCZXNYBAAAAPCfmIBxCWUu",
                "gASVbwAAAAAAAABdlChOiIlK/////0v/TQABSgAAAQCKBQAAAIAAigYAAAAAAP+KCAAAAAAAAABARz/4AAAAAAAAKU"
                        + "sBhZRLAUsChpRLAUsCSwOHlChLAUsCSwNLBHSUXZR9lIwBa5RdlChLAUsCZXOMBPCfmICUZS4=",
                "gAWVbwAAAAAAAABdlChOiIlK/////0v/TQABSgAAAQCKBQAAAIAAigYAAAAAAP+KCAAAAAAAAABARz/4AAAAAAAAKU"
                        + "sBhZRLAUsChpRLAUsCSwOHlChLAUsCSwNLBHSUXZR9lIwBa5RdlChLAUsCZXOMBPCfmICUZS4="
            })
    void allThatIsRead(String base64) {
        assertEquals(
                Arrays.asList(
                        null,
                        true,
                        false,
                        -1L,
                        255L,
                        256L,
                        65536L,
                        1L << 31,
                        -(1L << 40),
                        1L << 62,
                        1.5,
                        List.of(),
                        List.of(1L),
                        List.of(1L, 2L),
                        List.of(1L, 2L, 3L),
                        List.of(1L, 2L, 3L, 4L),
                        List.of(),
                        Map.of("k", List.of(1L, 2L)),
                        "\ud83d\ude00"),
                read(base64));
    }

    @Test
    void aListThatContainsItself() {
        List<?> list = (List<?>) read("gASVBgAAAAAAAABdlGgAYS4=");

        assertEquals(1, list.size());
        assertSame(list, list.get(0));
    }

    @ParameterizedTest
    @CsvSource({
        "GLOBAL collections.OrderedDict, Y2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnAwCih0UnAxClZhCnAyCkkxCnMu",
        "STACK_GLOBAL collections.OrderedDict, gASVKQAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAWGUSwFzLg==",
        "SHORT_BINBYTES, gASVBwAAAAAAAABDA2FiY5Qu",
        "EMPTY_SET, gASVCQAAAAAAAACPlChLAUsCkC4=",
        "GLOBAL posix.system, Y3Bvc2l4CnN5c3RlbQooUydlY2hvJwp0Ui4="
    })
    void nothingThatWouldRunCode(String what, String base64) {
        assertSentence(
                "a.pkl is a pickle of more than texts, numbers, lists and dictionaries, with " + what
                        + ": nothing else is read, since it would run code; save it as these.",
                () -> read(base64));
    }

    @Test
    void aNumberThatIsTooLarge() {
        assertSentence(
                "a.pkl is damaged, or no pickle of Python's, it has a whole number that is larger than 64 bits: make it"
                        + " again.",
                () -> read("gASVDAAAAAAAAACKCQAAAAAAAAAAAS4="));
    }

    /** Everything that is cut off, and some that no pickler writes. */
    @Test
    void whatIsNoPickle() {
        byte[] sound = pickled(Map.of("itos", List.of("a", 1, 300_000)));
        for (int length = 0; length < sound.length; length++) {
            byte[] cut = Arrays.copyOf(sound, length);
            assertThrows(MiniGptException.class, () -> Pickle.read(FILE, cut));
        }
        for (String text : new String[] {
            ".",
            "(.",
            "0.",
            "1.",
            "2.",
            "K\1a.",
            "K\1K\1s.",
            "}(K\1u.",
            "}]K\1s.",
            "h\1.",
            "I9x\n.",
            "Fx\n.",
            "V\\Uffffffff\n.",
            "K\1e.",
            "X\1\0\0\0\200.",
            "\200\6N.",
            "~"
        }) {
            byte[] bytes = text.getBytes(ISO_8859_1);
            String message = assertThrows(MiniGptException.class, () -> Pickle.read(FILE, bytes))
                    .getMessage();
            assertTrue(message.startsWith("a.pkl is "), message);
        }
    }

    /** A pickle of protocol 4 of maps, lists, texts and numbers, as CPython's but for what it remembers. */
    public static byte[] pickled(Object value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0x80);
        out.write(4);
        write(value, out);
        out.write('.');
        return out.toByteArray();
    }

    private static void write(Object value, ByteArrayOutputStream out) {
        if (value instanceof Map<?, ?> map) {
            out.writeBytes(new byte[] {'}', '('});
            map.forEach((key, item) -> {
                write(key, out);
                write(item, out);
            });
            out.write('u');
        } else if (value instanceof List<?> list) {
            out.writeBytes(new byte[] {']', '('});
            list.forEach(item -> write(item, out));
            out.write('e');
        } else if (value instanceof Integer number) {
            out.write('J');
            out.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(number)
                    .array());
        } else {
            byte[] text = value.toString().getBytes(UTF_8);
            out.write(0x8c);
            out.write(text.length);
            out.writeBytes(text);
        }
    }
}
