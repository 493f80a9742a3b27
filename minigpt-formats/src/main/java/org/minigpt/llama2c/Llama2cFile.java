package org.minigpt.llama2c;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.Llama2c;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;

/**
 * The models of Karpathy's llama2.c, Llama's layers, as its {@code export.py} writes them: version 0 without a word that says
 * so, versions 1 and 2 with a header of 256 bytes, of which 2 has the matrices in I8 with a scale for each group of values. Its
 * rotary positions turn neighbouring entries, so that queries and keys get another order here; RMSNorm's eps is 1e-5.
 */
public final class Llama2cFile {
    /** "ak42". */
    private static final int MAGIC = 0x616b3432;

    private static final int FORMER_HEADER_BYTES = 7 * Integer.BYTES;
    private static final int HEADER_BYTES = 256;

    /** Where version 2 has the size of its groups: after the magic, the version, seven sizes and whether the head is tied. */
    private static final int GROUP_AT = 9 * Integer.BYTES + 1;

    private Llama2cFile() {}

    /**
     * Opens a model; values in I8 become FLOAT.
     *
     * @param file of version 0, 1 or 2
     * @throws MiniGptException if the file is not there, can't be read or is damaged
     */
    public static Gpt read(Path file) {
        try (DataFile data = DataFile.open(file, "llama2.c")) {
            ByteBuffer header = ByteBuffer.wrap(data.bytes(0, (int) Math.min(HEADER_BYTES, data.length())))
                    .order(ByteOrder.LITTLE_ENDIAN);
            boolean former = header.limit() < Integer.BYTES || header.getInt(0) != MAGIC;
            int size = former ? FORMER_HEADER_BYTES : HEADER_BYTES;
            if (header.limit() < size) {
                throw new MiniGptException(file + " is truncated: it has " + header.limit()
                        + " bytes, but llama2.c's begin with a header of " + size + DataFile.remedy());
            }
            int version = former ? 0 : header.getInt(Integer.BYTES);
            if (version < 0 || version > 2) {
                throw new MiniGptException(file + " is of version " + version
                        + ", but MiniGPT reads llama2.c's versions 0, 1 and 2: export it as one of these.");
            }
            header.position(former ? 0 : 2 * Integer.BYTES);
            GptConfig config = config(file, header, former);
            int group = version == 2 ? header.getInt(GROUP_AT) : 0;
            Llama2cTensors tensors = new Llama2cTensors(data, config, version, size, group);
            return GptWeights.load(
                    Llama2c.LAYOUT.read(tensors, config), config, GptWeights.Origin.HEADER, Llama2c::model);
        }
    }

    private static GptConfig config(Path file, ByteBuffer header, boolean former) {
        int nEmbd = header.getInt();
        int hidden = header.getInt();
        int nLayer = header.getInt();
        int nHead = header.getInt();
        int nKvHead = header.getInt();
        int vocabSize = header.getInt();
        int blockSize = header.getInt();
        // Version 0 has the sign for it.
        boolean tied = former ? vocabSize > 0 : header.get() != 0;
        try {
            return Llama2c.config()
                    .vocabSize(former ? Math.abs(vocabSize) : vocabSize)
                    .blockSize(blockSize)
                    .nLayer(nLayer)
                    .nHead(nHead)
                    .nKvHead(nKvHead)
                    .nEmbd(nEmbd)
                    .nInner(hidden)
                    .tiedHead(tied)
                    .build();
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " is no model of llama2.c, or damaged: " + e.getMessage(), e);
        }
    }
}
