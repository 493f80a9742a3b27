package org.minigpt.model;

import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.graph.PortableOps;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A model as a SameDiff file that opens without this library: of ND4J's own ops, {@link PortableOps}. */
final class PortableFile {
    /** FlatBuffers, which SameDiff writes, doubles a buffer and refuses to do so from here on. */
    private static final long LARGEST_BUFFER = 1L << 30;

    /** For the ops and the names; those of a hundred layers of a hundred heads take less. */
    private static final long GRAPH_BYTES = 1L << 26;

    private PortableFile() {}

    /** @param graph without dropout */
    static void write(Path file, GptGraph graph, Map<String, INDArray> parameters) {
        long bytes = parameters.values().stream()
                .mapToLong(p -> p.length() * p.dataType().width())
                .sum();
        if (bytes > LARGEST_BUFFER - GRAPH_BYTES) {
            throw new MiniGptException(file + " would hold " + bytes + " bytes of parameters, but SameDiff writes files"
                    + " of 1 GiB at most; save the model as safetensors");
        }
        // The arrays are the model's own: that of the file is the only copy.
        SameDiff sd = graph.build(parameters, new PortableOps(), name -> {});
        requireNd4js(file, sd);
        ByteBuffer content = sd.asFlatBuffers(false);
        AtomicFiles.write(file, out -> {
            WritableByteChannel channel = Channels.newChannel(out);
            while (content.hasRemaining()) {
                channel.write(content);
            }
        });
    }

    /** Blocks of somebody's own may hold ops that only programs with their classes know. */
    private static void requireNd4js(Path file, SameDiff sd) {
        for (SameDiffOp op : sd.getOps().values()) {
            if (op.getOp() instanceof JavaOp) {
                throw new MiniGptException(
                        file + " would hold the op " + op.getOp().opName() + ", which ND4J does not"
                                + " have; let its layer use SameDiff's own calls where scope.ops() is PortableOps");
            }
        }
    }
}
