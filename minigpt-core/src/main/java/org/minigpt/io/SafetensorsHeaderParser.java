package org.minigpt.io;

import static org.minigpt.internal.tensors.DataFile.quoted;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.TensorInfo;

/**
 * Reads the JSON of a safetensors header: {@code {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
 * ..., "__metadata__": {"word": "word"}}}. Token by token: a tree of a hostile header would take many times its size.
 */
final class SafetensorsHeaderParser {
    static final String METADATA = "__metadata__";
    private static final int MAX_AXES = 32; // ND4J's
    private static final JsonFactory JSON = new JsonFactory();

    private final Path file;
    private final JsonParser parser;
    private final List<TensorInfo> tensors = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafetensorsHeaderParser(Path file, JsonParser parser) {
        this.file = file;
        this.parser = parser;
    }

    /**
     * @param file for messages
     * @param json the header
     * @param dataBytes the number of bytes after the header
     * @throws MiniGptException if the header is damaged or does not fit the file
     */
    static SafetensorsHeader parse(Path file, String json, long dataBytes) {
        try (JsonParser parser = JSON.createParser(json)) {
            SafetensorsHeaderParser header = new SafetensorsHeaderParser(file, parser);
            header.parse();
            return SafetensorsHeader.checked(file, header.metadata, header.tensors, dataBytes);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " (character " + e.getLocation().getCharOffset() + ")";
            throw new MiniGptException(
                    file + " is damaged: its header is not valid JSON" + where + DataFile.remedy(), e);
        } catch (IOException e) {
            throw new AssertionError("a string cannot fail to be read", e);
        }
    }

    private void parse() throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw damaged("its header is no JSON object");
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            if (!names.add(name)) {
                throw damaged(quoted(name) + " is there twice");
            }
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw damaged(quoted(name) + " is no JSON object");
            }
            if (name.equals(METADATA)) {
                parseMetadata();
            } else {
                tensors.add(parseTensor(name));
            }
        }
        if (parser.nextToken() != null) {
            throw damaged("its header goes on after the last tensor");
        }
    }

    private void parseMetadata() throws IOException {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw damaged(quoted(key) + " of its metadata is no text");
            }
            if (metadata.put(key, parser.getText()) != null) {
                throw damaged(quoted(key) + " of its metadata is there twice");
            }
        }
    }

    private TensorInfo parseTensor(String name) throws IOException {
        Dtype dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            parser.nextToken();
            switch (key) {
                case "dtype" -> dtype = once(name, key, dtype, parseDtype(name));
                case "shape" -> shape = once(name, key, shape, parseSizes(name, key, MAX_AXES));
                case "data_offsets" -> offsets = once(name, key, offsets, parseSizes(name, key, 2));
                default -> parser.skipChildren();
            }
        }
        require(name, "dtype", dtype);
        require(name, "shape", shape);
        require(name, "data_offsets", offsets);
        if (offsets.size() != 2) {
            throw damaged(quoted(name) + " has not two \"data_offsets\" but " + offsets.size());
        }
        return new TensorInfo(name, dtype, List.copyOf(shape), offsets.get(0), offsets.get(1));
    }

    private Dtype parseDtype(String name) throws IOException {
        Optional<Dtype> dtype =
                parser.currentToken() == JsonToken.VALUE_STRING ? Dtype.named(parser.getText()) : Optional.empty();
        return dtype.orElseThrow(() -> damaged(quoted(name) + " has an unknown \"dtype\""));
    }

    /** Whole numbers from 0 up. */
    private List<Long> parseSizes(String name, String key, int most) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw damaged(quoted(key) + " of " + quoted(name) + " is no list");
        }
        List<Long> sizes = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
                    || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                    || parser.getLongValue() < 0) {
                throw damaged(quoted(key) + " of " + quoted(name) + " holds what is no size");
            }
            sizes.add(parser.getLongValue());
            if (sizes.size() > most) {
                throw damaged(quoted(key) + " of " + quoted(name) + " has more than " + most + " entries");
            }
        }
        return sizes;
    }

    private <T> T once(String name, String key, T old, T value) {
        if (old != null) {
            throw damaged(quoted(name) + " has its " + quoted(key) + " twice");
        }
        return value;
    }

    private void require(String name, String key, Object value) {
        if (value == null) {
            throw damaged(quoted(name) + " has no " + quoted(key));
        }
    }

    private MiniGptException damaged(String what) {
        return DataFile.damaged(file, what);
    }
}
