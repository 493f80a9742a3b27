package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.SentencePieces;
import org.minigpt.text.bpe.SentencePieces.Type;

/**
 * SentencePiece's own file, {@code tokenizer.model}, with a model of BPE: a message {@code ModelProto} of
 * {@code sentencepiece_model.proto} in Protocol Buffers' wire format. Where transformers' {@code tokenizer_config.json} is
 * beside, it says which tokens stand around a text, and whether a space is put after added tokens ({@code legacy}); it and
 * {@code added_tokens.json} may add some.
 */
final class SentencePieceFile {
    static final String NAME = "tokenizer.model";
    private static final String SUFFIX = ".model";

    // Fields of ModelProto, SentencePiece, TrainerSpec and NormalizerSpec.
    private static final int PIECES = 1;
    private static final int TRAINER = 2;
    private static final int NORMALIZER = 3;
    private static final int PIECE_TEXT = 1;
    private static final int PIECE_SCORE = 2;
    private static final int PIECE_TYPE = 3;
    private static final int MODEL_TYPE = 3;
    private static final int WHITESPACE_AS_SUFFIX = 24;
    private static final int NORMALIZER_NAME = 1;
    private static final int CHARSMAP = 2;
    private static final int DUMMY_PREFIX = 3;
    private static final int REMOVE_EXTRA = 4;
    private static final int ESCAPE = 5;

    private static final long BPE = 2;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final Path file;
    private final List<String> pieces = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();
    private final List<Type> types = new ArrayList<>();
    /** UNIGRAM, by default. */
    private long modelType = 1;

    private boolean suffix;
    private String normalizer = "";
    private boolean charsmap;
    private boolean prefix = true;
    private boolean collapses = true;
    private boolean escapes = true;

    private SentencePieceFile(Path file) {
        this.file = file;
    }

    static boolean isOne(Path file) {
        return String.valueOf(file.getFileName()).endsWith(SUFFIX);
    }

    static BpeTokenizer read(Path file) {
        SentencePieceFile model = new SentencePieceFile(file);
        model.message(ByteBuffer.wrap(bytes(file)), model::field);
        return model.withBeside(model.tokenizer());
    }

    /** The files beside may add tokens, as a padding one, and say which are around a text. */
    private BpeTokenizer withBeside(BpeTokenizer tokenizer) {
        ObjectNode ids = JsonNodeFactory.instance.objectNode();
        HfTokenizerFile.putIds(ids, tokenizer.vocabulary());
        HfTokens tokens = new HfTokens(file, ids);
        tokens.addAll(tokenizer.addedTokens());
        tokens.addBeside(file.toAbsolutePath().getParent(), false);
        List<String> vocabulary = tokens.vocabulary();
        return BpeTokenizer.of(
                vocabulary,
                tokenizer.merges(),
                tokens.added().stream().map(SentencePieceFile::asItIs).toList(),
                tokens.around(tokenizer.rules(), vocabulary),
                problem -> damaged("it makes no tokenizer with the files beside, " + problem));
    }

    /** transformers' tokenizers for this file look for added tokens in the text as it is. */
    private static AddedToken asItIs(AddedToken token) {
        return new AddedToken(
                token.text(), token.id(), false, token.special(), token.lstrip(), token.rstrip(), token.singleWord());
    }

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw TextFiles.unreadable(file, e);
        }
    }

    private MiniGptException damaged(String how) {
        return new MiniGptException(file + " is damaged: " + how + "; get it again, or give a tokenizer.json.");
    }

    private MiniGptException unsupported(String what) {
        return new MiniGptException(
                file + " is a model of SentencePiece " + what + ": give a tokenizer.json, if there is one.");
    }

    /** Takes a field's number, its value if that is a number, and its bytes if it has such. */
    private interface Fields {
        void take(int number, long value, ByteBuffer bytes);
    }

    private void message(ByteBuffer in, Fields fields) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            long key = varint(in);
            int wire = (int) (key & 7);
            int size = switch (wire) {
                case VARINT -> 0;
                case FIXED64 -> Long.BYTES;
                case FIXED32 -> Integer.BYTES;
                case BYTES -> (int) Math.min(Integer.MAX_VALUE, varint(in));
                default -> throw damaged("it has a field of the wire type " + wire);
            };
            if (size < 0 || size > in.remaining()) {
                throw damaged("it ends within a field");
            }
            ByteBuffer bytes = in.slice(in.position(), size).order(ByteOrder.LITTLE_ENDIAN);
            in.position(in.position() + size);
            long value = switch (wire) {
                case VARINT -> varint(in);
                case FIXED64 -> bytes.getLong(0);
                case FIXED32 -> bytes.getInt(0);
                default -> -1;
            };
            fields.take((int) Math.min(Integer.MAX_VALUE, key >>> 3), value, bytes);
        }
    }

    private long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE && in.hasRemaining(); shift += 7) {
            byte b = in.get();
            value |= (long) (b & 0x7F) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw damaged("it ends within a number");
    }

    private void field(int number, long value, ByteBuffer bytes) {
        switch (number) {
            case PIECES -> {
                pieces.add("");
                scores.add(0f);
                types.add(Type.NORMAL);
                message(bytes, this::piece);
            }
            case TRAINER -> message(bytes, this::trainer);
            case NORMALIZER -> message(bytes, this::normalizer);
            default -> {
                // such as the tests of the file itself
            }
        }
    }

    private void piece(int number, long value, ByteBuffer bytes) {
        int id = pieces.size() - 1;
        switch (number) {
            case PIECE_TEXT -> pieces.set(id, text(bytes));
            case PIECE_SCORE -> scores.set(id, Float.intBitsToFloat((int) value));
            case PIECE_TYPE ->
                types.set(id, Type.of(value).orElseThrow(() -> damaged("the piece " + id + " has the type " + value)));
            default -> {
                // none is known
            }
        }
    }

    private String text(ByteBuffer bytes) {
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw damaged("a text in it is no UTF-8");
        }
    }

    private void trainer(int number, long value, ByteBuffer bytes) {
        if (number == MODEL_TYPE) {
            modelType = value;
        } else if (number == WHITESPACE_AS_SUFFIX) {
            suffix = value != 0;
        }
    }

    private void normalizer(int number, long value, ByteBuffer bytes) {
        switch (number) {
            case NORMALIZER_NAME -> normalizer = text(bytes);
            case CHARSMAP -> charsmap = bytes.hasRemaining();
            case DUMMY_PREFIX -> prefix = value != 0;
            case REMOVE_EXTRA -> collapses = value != 0;
            case ESCAPE -> escapes = value != 0;
            default -> {
                // rules that the characters' map is made of
            }
        }
    }

    private BpeTokenizer tokenizer() {
        if (pieces.isEmpty()) {
            throw damaged("it has no pieces");
        }
        if (modelType != BPE) {
            throw unsupported("that is not of BPE (model_type " + modelType + " and not " + BPE
                    + "), which MiniGPT does not read");
        }
        if (charsmap) {
            throw unsupported("that normalizes a text by " + CodePoints.quoted(normalizer) + ", and MiniGPT knows"
                    + " \"identity\" only");
        }
        if (suffix || !escapes) {
            throw unsupported("whose spaces end words or are not marked, which MiniGPT does not read");
        }
        JsonNode config = HfTokens.config(file.toAbsolutePath().getParent());
        Prefix first = config.path("legacy").asBoolean(true) ? Prefix.LEGACY : Prefix.FIRST;
        Metaspace rule =
                new Metaspace(prefix ? first : Prefix.NEVER, false, collapses, prefix, true, OptionalInt.empty(), true);
        float[] values = new float[pieces.size()];
        for (int id = 0; id < values.length; id++) {
            values[id] = scores.get(id);
        }
        boolean before = config.path("add_bos_token").asBoolean(true);
        boolean after = config.path("add_eos_token").asBoolean(false);
        return new SentencePieces(List.copyOf(pieces), values, List.copyOf(types))
                .tokenizer(
                        rule,
                        before ? control("<s>") : List.of(),
                        after ? control("</s>") : List.of(),
                        problem -> damaged("it makes no tokenizer, " + problem));
    }

    private List<Integer> control(String piece) {
        int id = pieces.indexOf(piece);
        return id >= 0 && types.get(id) == Type.CONTROL ? List.of(id) : List.of();
    }
}
