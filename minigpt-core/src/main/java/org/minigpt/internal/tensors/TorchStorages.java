package org.minigpt.internal.tensors;

import java.io.Closeable;
import java.io.DataInput;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;

/** The pickle of a file of PyTorch's, and the storages that it names: entries of a ZIP archive, or what follows the pickle. */
abstract sealed class TorchStorages implements Closeable {
    /** The pickle of a model has a few kilobytes; what may be more is other things that were saved with it. */
    private static final int MAX_PICKLE_BYTES = 1 << 26;

    private static final String OLDER = "; save it again with torch.save of PyTorch 1.6 or newer.";

    protected final DataFile file;

    private TorchStorages(DataFile file) {
        this.file = file;
    }

    /** @throws MiniGptException if it is not one of PyTorch's, or damaged */
    static TorchStorages open(DataFile file) {
        byte[] beginning = file.bytes(0, (int) Math.min(file.length(), Older.MAGIC.length));
        if (beginning.length > 1 && beginning[0] == 'P' && beginning[1] == 'K') {
            return Zipped.open(file);
        }
        if (Arrays.equals(beginning, Older.MAGIC)) {
            return new Older(file);
        }
        throw new MiniGptException(file.path()
                + " is no checkpoint of PyTorch's: it is neither a ZIP archive nor begins as older ones do"
                + DataFile.remedy());
    }

    /** @return what the pickle holds */
    abstract TorchPickle.Contents read();

    /**
     * Reads from a storage.
     *
     * @param from the first byte
     */
    abstract void at(String storage, long from, IOConsumer<DataInput> reader);

    /** @return how many bytes a storage has in the file; -1 if it is not there */
    abstract long length(String storage);

    @Override
    public abstract void close();

    /** What {@code torch.save} writes since 1.6: {@code NAME/data.pkl} and {@code NAME/data/KEY}, none of them compressed. */
    private static final class Zipped extends TorchStorages {
        private static final String PICKLE = "data.pkl";

        private final ZipFile zip;
        private final String folder;

        private Zipped(DataFile file, ZipFile zip) {
            super(file);
            this.zip = zip;
            List<String> pickles = zip.stream()
                    .map(ZipEntry::getName)
                    .filter(name -> name.endsWith("/" + PICKLE) || name.equals(PICKLE))
                    .toList();
            if (pickles.size() != 1) {
                throw new MiniGptException(file.path() + " is a ZIP archive, but no checkpoint of PyTorch's: it has "
                        + pickles.size() + " entries " + PICKLE + ", not one; give what torch.save wrote.");
            }
            folder = pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
        }

        static Zipped open(DataFile file) {
            ZipFile zip;
            try {
                zip = new ZipFile(file.path().toFile());
            } catch (IOException | IllegalArgumentException e) {
                throw damaged(file, e);
            }
            try {
                return new Zipped(file, zip);
            } catch (RuntimeException e) {
                closeQuietly(zip);
                throw e instanceof MiniGptException ? e : damaged(file, e);
            }
        }

        private static void closeQuietly(ZipFile zip) {
            try {
                zip.close();
            } catch (IOException e) {
                throw new AssertionError("nothing is written to it", e);
            }
        }

        private static MiniGptException damaged(DataFile file, Exception e) {
            return new MiniGptException(
                    file.path() + " is damaged or truncated: it is no sound ZIP archive (" + e.getMessage() + ")"
                            + DataFile.remedy(),
                    e);
        }

        @Override
        TorchPickle.Contents read() {
            ZipEntry order = zip.getEntry(folder + "byteorder");
            if (order != null && !new String(bytes(order), StandardCharsets.US_ASCII).equals("little")) {
                throw new MiniGptException(
                        file.path() + " has its numbers in big-endian order: save it on another" + " machine.");
            }
            if (zip.getEntry(folder + "constants.pkl") != null) {
                throw new MiniGptException(file.path() + " is a model of TorchScript, not a checkpoint: save its"
                        + " state_dict, in Python with torch.save(model.state_dict(), FILE).");
            }
            return TorchPickle.read(file.path(), ByteBuffer.wrap(bytes(zip.getEntry(folder + PICKLE))));
        }

        private byte[] bytes(ZipEntry entry) {
            requireStored(entry);
            if (entry.getSize() > MAX_PICKLE_BYTES) {
                throw new MiniGptException(file.path() + " has " + entry.getSize() + " bytes in "
                        + DataFile.quoted(entry.getName()) + ", but MiniGPT reads " + MAX_PICKLE_BYTES
                        + " at most: save the state_dict alone.");
            }
            byte[] bytes = new byte[(int) entry.getSize()];
            at(entry, 0, in -> in.readFully(bytes));
            return bytes;
        }

        private void requireStored(ZipEntry entry) {
            if (entry.getMethod() != ZipEntry.STORED
                    || entry.getSize() != entry.getCompressedSize()
                    || entry.getSize() < 0
                    || entry.getSize() > file.length()) {
                throw new MiniGptException(file.path() + " has " + DataFile.quoted(entry.getName())
                        + " compressed, as torch.save never writes it: save it again, or unpack the archive and pack it"
                        + " without compression.");
            }
        }

        @Override
        long length(String storage) {
            ZipEntry entry = zip.getEntry(folder + "data/" + storage);
            if (entry == null) {
                return -1;
            }
            requireStored(entry);
            return entry.getSize();
        }

        @Override
        void at(String storage, long from, IOConsumer<DataInput> reader) {
            at(zip.getEntry(folder + "data/" + storage), from, reader);
        }

        private void at(ZipEntry entry, long from, IOConsumer<DataInput> reader) {
            try (InputStream in = zip.getInputStream(entry)) {
                in.skipNBytes(from);
                reader.accept(new DataInputStream(in));
            } catch (IOException | IllegalArgumentException e) {
                throw damaged(file, e);
            }
        }

        @Override
        public void close() {
            closeQuietly(zip);
            file.close();
        }
    }

    /** What it wrote before: four pickles, of which the third has the tensors, and the storages in the order of the fourth. */
    private static final class Older extends TorchStorages {
        /** The pickle of 0x1950a86a20f9469cfc6c. */
        private static final byte[] MAGIC = {
            (byte) 0x80,
            2,
            (byte) 0x8a,
            10,
            0x6c,
            (byte) 0xfc,
            (byte) 0x9c,
            0x46,
            (byte) 0xf9,
            0x20,
            0x6a,
            (byte) 0xa8,
            0x50,
            0x19,
            '.'
        };

        private final Map<String, Long> begins = new HashMap<>();
        private final Map<String, Long> lengths = new HashMap<>();

        Older(DataFile file) {
            super(file);
        }

        @Override
        TorchPickle.Contents read() {
            ByteBuffer bytes = ByteBuffer.wrap(file.bytes(0, (int) Math.min(file.length(), MAX_PICKLE_BYTES)));
            bytes.position(MAGIC.length);
            Object version = TorchPickle.read(file.path(), bytes).root();
            Object system = TorchPickle.read(file.path(), bytes).root();
            if (!Long.valueOf(1001).equals(version)
                    || !(system instanceof Map<?, ?> facts)
                    || !Boolean.TRUE.equals(facts.get("little_endian"))) {
                throw new MiniGptException(file.path() + " is of another version of PyTorch's older format, or in"
                        + " big-endian order" + OLDER);
            }
            TorchPickle.Contents contents = TorchPickle.read(file.path(), bytes);
            if (!(TorchPickle.read(file.path(), bytes).root() instanceof List<?> names)) {
                throw DataFile.damaged(file.path(), "it has no list of its storages");
            }
            place(names, contents.storages(), bytes.position());
            return contents;
        }

        private void place(List<?> names, Map<String, Dtype> types, long begin) {
            long at = begin;
            for (Object name : names) {
                Dtype dtype = name instanceof String text ? types.get(text) : null;
                if (dtype == null || begins.containsKey(name) || at > file.length() - Long.BYTES) {
                    throw DataFile.damaged(file.path(), "its list of storages is not that of its tensors");
                }
                long values = ByteBuffer.wrap(file.bytes(at, Long.BYTES))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getLong();
                at += Long.BYTES;
                if (values < 0 || values > (file.length() - at) / dtype.bytes()) {
                    throw DataFile.damaged(file.path(), "it ends within a storage");
                }
                begins.put((String) name, at);
                lengths.put((String) name, values * dtype.bytes());
                at += values * dtype.bytes();
            }
        }

        @Override
        long length(String storage) {
            return lengths.getOrDefault(storage, -1L);
        }

        @Override
        void at(String storage, long from, IOConsumer<DataInput> reader) {
            file.at(begins.get(storage) + from, reader);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
