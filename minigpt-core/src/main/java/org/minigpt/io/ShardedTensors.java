package org.minigpt.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.DataInput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.text.TextFiles;

/**
 * A model in several files of one kind, with Hugging Face's index {@code {"metadata": {...}, "weight_map": {"name":
 * "file", ...}}} beside them. Only files of the index' own folder are opened.
 */
final class ShardedTensors implements StoredTensors {
    private static final Pattern FILE_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,200}");
    private static final String HEAD = "lm_head.weight";
    private static final JsonFactory JSON = new JsonFactory();

    private final Path index;
    private final Map<String, StoredTensors> shards = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    /** By the name of the tensor. */
    private final Map<String, StoredTensors> places = new LinkedHashMap<>();

    private ShardedTensors(Path index) {
        this.index = index;
    }

    /**
     * @param files opens one of the files
     * @throws MiniGptException if the index or one of its files is not there, can't be read or is damaged
     */
    static ShardedTensors open(Path index, Function<Path, StoredTensors> files) {
        ShardedTensors result = new ShardedTensors(index);
        try {
            result.open(files);
            return result;
        } catch (RuntimeException e) {
            result.close();
            throw e;
        }
    }

    private void open(Function<Path, StoredTensors> files) {
        Map<String, String> weightMap = weightMap();
        for (String name : new TreeSet<>(weightMap.values())) {
            if (!FILE_NAME.matcher(name).matches()) {
                throw damaged("names the file " + DataFile.quoted(name) + ", which is no name of a file beside it");
            }
            shards.put(name, files.apply(index.resolveSibling(name)));
        }
        weightMap.forEach((tensor, name) -> {
            // A head that is tied to the embedding is in no file, but may be in the index: the library counts it twice.
            if (!shards.get(name).tensors().containsKey(tensor) && !tensor.equals(HEAD)) {
                throw damaged("has the tensor " + DataFile.quoted(tensor) + " in " + name + ", which has none");
            }
        });
        // In the order of each file.
        shards.forEach((name, shard) -> shard.tensors().forEach((tensor, info) -> {
            if (name.equals(weightMap.get(tensor))) {
                tensors.put(tensor, info);
                places.put(tensor, shard);
            }
        }));
        if (tensors.isEmpty()) {
            throw damaged("names no tensor");
        }
    }

    private Map<String, String> weightMap() {
        Map<String, String> result = new LinkedHashMap<>();
        try (JsonParser parser = JSON.createParser(TextFiles.readUtf8(index))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw damaged("is no JSON object");
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                boolean map = "weight_map".equals(parser.currentName());
                if (parser.nextToken() != JsonToken.START_OBJECT || !map) {
                    parser.skipChildren();
                    continue;
                }
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String tensor = parser.currentName();
                    if (parser.nextToken() != JsonToken.VALUE_STRING) {
                        throw damaged("has no file for the tensor " + DataFile.quoted(tensor));
                    }
                    if (result.put(tensor, parser.getText()) != null) {
                        throw damaged("has the tensor " + DataFile.quoted(tensor) + " twice");
                    }
                }
            }
        } catch (JsonProcessingException e) {
            throw damaged("is not valid JSON", e);
        } catch (IOException e) {
            throw new AssertionError("a string cannot fail to be read", e);
        }
        return result;
    }

    private MiniGptException damaged(String what) {
        return damaged(what, null);
    }

    private MiniGptException damaged(String what, Throwable cause) {
        return new MiniGptException(index + " " + what + ": copy or save the model again.", cause);
    }

    @Override
    public Path path() {
        return index;
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        places.get(tensor.name()).at(tensor, from, reader);
    }

    @Override
    public void close() {
        shards.values().forEach(StoredTensors::close);
    }
}
