package org.minigpt.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import org.minigpt.MiniGptException;

/**
 * Where the ids of a token file are: nanoGPT's has nothing else, llm.c's begins with a header of 256 {@code int32}, of
 * which the first says what the file is, the second its version, and the third how many ids follow
 * ({@code dev/data/data_common.py}).
 *
 * @param offset of the first id, in bytes
 * @param idBytes of an id: 2 or 4, unsigned and little-endian
 * @param length how many ids there are
 */
record TokenFileLayout(long offset, int idBytes, long length) {
    private static final int HEADER_BYTES = 256 * Integer.BYTES;

    /** Ids of GPT-2's tokenizer, and others below 2^16. */
    private static final int UINT16 = 20240520;

    /** Ids of Llama 3's. */
    private static final int UINT32 = 20240801;

    /** The version that each has. */
    private static final Map<Integer, Integer> VERSIONS = Map.of(UINT16, 1, UINT32, 7);

    /** llm.c's other files, which end in {@code .bin} too. */
    private static final Map<Integer, String> NO_TOKENS = Map.of(
            20240326, "a model",
            20240327, "the state of a run",
            20240328, "a tokenizer",
            20240522, "an evaluation");

    /**
     * Looks at the beginning of a file, and at its length.
     *
     * @throws MiniGptException if it is truncated, or no file of tokens
     */
    static TokenFileLayout of(Path path, RandomAccessFile file) throws IOException {
        long bytes = file.length();
        ByteBuffer header = ByteBuffer.allocate(3 * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes >= header.capacity()) {
            file.seek(0);
            file.readFully(header.array());
            // As the first two ids of a vocabulary below 55,000 it can't be.
            int magic = header.getInt(0);
            if (NO_TOKENS.containsKey(magic)) {
                throw new MiniGptException(path + " is " + NO_TOKENS.get(magic) + " of llm.c's, not tokens; give a file"
                        + " that one of its dev/data scripts made");
            }
            if (VERSIONS.containsKey(magic)) {
                return ofLlmc(path, bytes, header);
            }
        }
        if (bytes % Short.BYTES != 0) {
            throw new MiniGptException(path + " has " + bytes + " bytes, an odd number, but a token takes two, so it is"
                    + " truncated, or no file of tokens; make it again");
        }
        return new TokenFileLayout(0, Short.BYTES, bytes / Short.BYTES);
    }

    private static TokenFileLayout ofLlmc(Path path, long bytes, ByteBuffer header) {
        int magic = header.getInt(0);
        int version = header.getInt(Integer.BYTES);
        if (version != VERSIONS.get(magic)) {
            throw new MiniGptException(path + " is a token file of llm.c's of version " + version
                    + ", but this program reads version " + VERSIONS.get(magic) + "; make it again with a newer llm.c");
        }
        int idBytes = magic == UINT16 ? Short.BYTES : Integer.BYTES;
        int count = header.getInt(2 * Integer.BYTES);
        if (count < 0 || bytes != HEADER_BYTES + (long) count * idBytes) {
            throw new MiniGptException(
                    path + " has " + bytes + " bytes, but by its header " + count + " tokens of " + idBytes
                            + " bytes behind " + HEADER_BYTES + " bytes, so it is truncated or damaged; make it again");
        }
        return new TokenFileLayout(HEADER_BYTES, idBytes, count);
    }
}
