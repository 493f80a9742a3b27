package org.minigpt.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.io.Foreign;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.TinyModels;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.WeightType;
import org.minigpt.testing.Deviation;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class GgufFileTest {
    @TempDir
    Path dir;

    private Path file() {
        return dir.resolve("gpt2.gguf");
    }

    @Test
    void comesBackBitForBitWithItsTokenizer() {
        for (Gpt gpt : List.of(Foreign.tied(), Foreign.untied())) {
            GgufFile.write(file(), gpt, TinyModels.TOKENIZER);
            GgufFile.Contents contents = GgufFile.read(file());
            Foreign.assertSameModel(gpt, contents.gpt());
            assertEquals(TinyModels.TOKENIZER, contents.tokenizer().orElseThrow());
        }
    }

    @Test
    void aFolderComesBackThroughIt() throws IOException {
        Path from = dir.resolve("from");
        Path to = dir.resolve("to");
        ModelFolder.save(from, Foreign.untied(), TinyModels.TOKENIZER);
        ModelFolder.SavedModel model = ModelFolder.load(from);
        GgufFile.write(file(), model.gpt(), model.tokenizer());
        GgufFile.Contents contents = GgufFile.read(file());
        ModelFolder.save(to, contents.gpt(), contents.tokenizer().orElseThrow());
        for (String name : new String[] {"model.safetensors", "config.json", "tokenizer.json"}) {
            assertArrayEquals(Files.readAllBytes(from.resolve(name)), Files.readAllBytes(to.resolve(name)), name);
        }
    }

    /** 10 bits of mantissa round by at most 2^-11 of a value, 7 by 2^-8. */
    @ParameterizedTest
    @CsvSource({"F16, 11", "BF16, 8"})
    void halvesAreNear(WeightType weights, int bits) {
        Gpt gpt = Foreign.tied();
        GgufFile.write(file(), gpt, null, weights, false);
        Gpt loaded = GgufFile.read(file()).gpt();
        gpt.parameters().forEach((name, array) -> {
            boolean exact = array.rank() == 1 || name.equals("wpe.weight");
            assertNear(name, array, loaded.parameters().get(name), exact ? 0 : Math.scalb(1, -bits));
        });
        assertTrue(Deviation.of(
                        gpt.parameters().get("wte.weight"), loaded.parameters().get("wte.weight"))
                > 0);
    }

    /** What a file in a quantised type holds is written again as the same bytes. */
    @ParameterizedTest
    @EnumSource(
            value = WeightType.class,
            names = {"Q8_0", "Q4_0"})
    void quantisedFilesComeBack(WeightType weights) throws IOException {
        for (boolean tied : new boolean[] {true, false}) {
            GptConfig config =
                    TinyModels.gpt2().toBuilder().nEmbd(32).tiedHead(tied).build();
            Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
            if (!tied) {
                gpt.parameters().get("lm_head.bias").assign(0);
            }
            GgufFile.write(file(), gpt, TinyModels.TOKENIZER, weights, false);
            byte[] once = Files.readAllBytes(file());
            Gpt rounded = GgufFile.read(file()).gpt();
            assertEquals(tied, rounded.config().tiedHead());
            GgufFile.write(file(), rounded, TinyModels.TOKENIZER, weights, false);
            assertArrayEquals(once, Files.readAllBytes(file()));
        }
    }

    @Test
    void rowsOfOtherLengthsAreNotQuantised() {
        assertSentence(
                "The rows of wte.weight have 8 values, but q8_0 takes them by 32: choose f16 or f32, or a model of widths"
                        + " that are multiples of it",
                () -> GgufFile.write(file(), Foreign.tied(), null, WeightType.Q8_0, false));
    }

    @Test
    void geluInItsErfFormComesBack() {
        GptConfig config = TinyModels.nanoGpt().toBuilder().dropout(0).build();
        Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
        GgufFile.write(file(), gpt, TinyModels.TOKENIZER);
        Gpt loaded = GgufFile.read(file()).gpt();
        assertEquals(config.toBuilder().bias(GptConfig.Bias.ALL).build(), loaded.config());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }

    /** A reader of its own, from the format's description, for what the tests above could be wrong about together. */
    @Test
    void writesWhatTheFormatSays() throws IOException {
        Gpt gpt = Foreign.tied();
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("a \u00e9\u20ac!");
        GgufFile.write(file(), gpt, tokenizer);
        ByteBuffer in = Foreign.bytes(file());
        assertEquals("GGUF", text(in, 4));
        assertEquals(3, in.getInt());
        long tensors = in.getLong();
        // embeddings, 12 in each of 2 blocks, the last norm, the head that llama.cpp of early 2025 wants
        assertEquals(2 + 24 + 2 + 1, tensors);
        Map<String, Object> values = new LinkedHashMap<>();
        for (long n = in.getLong(); n > 0; n--) {
            String key = string(in);
            values.put(key, value(in, in.getInt()));
        }
        assertEquals("gpt2", values.get("general.architecture"));
        assertEquals(0, values.get("general.file_type"));
        assertEquals(4, values.get("gpt2.context_length"));
        assertEquals(8, values.get("gpt2.embedding_length"));
        assertEquals(2, values.get("gpt2.block_count"));
        assertEquals(32, values.get("gpt2.feed_forward_length"));
        assertEquals(2, values.get("gpt2.attention.head_count"));
        assertEquals(1e-5f, values.get("gpt2.attention.layer_norm_epsilon"));
        assertEquals("gpt2", values.get("tokenizer.ggml.model"));
        // Space is 0x20, the 33rd byte that is not printable: U+0120. é is C3 A9, € is E2 82 AC; 82 is the 69th of the
        // 68 and so on: 33 controls and space to 0x20, 0x7f, then 0x80.. from U+0122.
        assertEquals(
                List.of("\u0120", "!", "a", "\u00c3\u00a9", "\u00e2\u0124\u00ac", "<|endoftext|>"),
                values.get("tokenizer.ggml.tokens"));
        assertEquals(
                List.of("\u00c3 \u00a9", "\u00e2 \u0124", "\u00e2\u0124 \u00ac"), values.get("tokenizer.ggml.merges"));
        assertEquals(List.of(1, 1, 1, 1, 1, 3), values.get("tokenizer.ggml.token_type"));
        assertEquals(5, values.get("tokenizer.ggml.eos_token_id"));
        assertEquals(5, values.get("tokenizer.ggml.bos_token_id"));

        Map<String, long[]> places = new LinkedHashMap<>();
        for (long i = 0; i < tensors; i++) {
            String name = string(in);
            long[] place = new long[in.getInt() + 1];
            for (int axis = 0; axis < place.length - 1; axis++) {
                place[axis] = in.getLong();
            }
            assertEquals(0, in.getInt(), "F32");
            place[place.length - 1] = in.getLong();
            assertEquals(0, place[place.length - 1] % 32);
            places.put(name, place);
        }
        int data = (in.position() + 31) / 32 * 32;
        // The fastest axis first: C, then V and the token that was added.
        assertArrayEquals(new long[] {8, 6, 0}, places.get("token_embd.weight"));
        long[] qkv = places.get("blk.1.attn_qkv.weight");
        assertArrayEquals(new long[] {8, 24}, new long[] {qkv[0], qkv[1]});
        INDArray w = gpt.parameters().get("h.1.attn.c_attn.weight"); // [8,24]
        assertEquals(w.getFloat(3, 20), in.getFloat(data + (int) qkv[2] + 4 * (20 * 8 + 3)));
        assertTrue(places.containsKey("blk.0.ffn_down.bias"));
        assertTrue(places.containsKey("output_norm.weight"));
        long[] head = places.get("output.weight");
        assertArrayEquals(new long[] {8, 6}, new long[] {head[0], head[1]});
        for (int i = 0; i < 6 * 8; i++) {
            assertEquals(in.getFloat(data + 4 * i), in.getFloat(data + (int) head[2] + 4 * i));
        }
    }

    /** Tokens 0 to 4 get the logits 1, 1, -3, 1, 1 by the bias of the last norm, whatever came before. */
    @Test
    void theAddedTokenIsACopyOfTheLeastLikely() {
        Gpt gpt = Foreign.untied();
        gpt.parameters().get("ln_f.weight").assign(0);
        gpt.parameters().get("ln_f.bias").assign(0).putScalar(3, 1);
        INDArray head = gpt.parameters().get("lm_head.weight"); // [5,8]
        for (int token = 0; token < 5; token++) {
            head.putScalar(token, 3, token == 2 ? -3 : 1);
        }
        GgufFile.write(file(), gpt, TinyModels.TOKENIZER);
        try (DataFile data = DataFile.open(file(), "GGUF")) {
            GgufTensors tensors = new GgufTensors(data, GgufHeader.read(data), 0);
            for (String name : List.of("wte.weight", "lm_head.weight")) {
                INDArray rows = Nd4j.create(6, 8);
                String there = GgufArchitecture.GPT2.layout().names(name).get(0);
                tensors.read(tensors.tensors().get(there), rows);
                assertEquals(gpt.parameters().get(name), rows.get(NDArrayIndex.interval(0, 5)));
                assertEquals(gpt.parameters().get(name).getRow(2), rows.getRow(5));
            }
        }
    }

    /** llama.cpp's own converter writes every head. */
    @Test
    void aHeadThatIsTheEmbeddingIsTied() {
        for (boolean shared : new boolean[] {false, true}) {
            for (WeightType weights : List.of(WeightType.F32, WeightType.F16)) {
                GgufFile.write(file(), Foreign.tied(), TinyModels.TOKENIZER, weights, shared);
                assertTrue(GgufFile.read(file()).gpt().config().tiedHead());
                GgufFile.write(file(), Foreign.untied(), TinyModels.TOKENIZER, weights, false);
                assertFalse(GgufFile.read(file()).gpt().config().tiedHead());
            }
        }
        assertSentence(
                "The head is not tied to the token embedding, so it can't be left out of the file: write it.",
                () -> GgufFile.write(file(), Foreign.untied(), TinyModels.TOKENIZER, WeightType.F32, true));
    }

    /** llama.cpp takes id 11 for the end of text where a file says nothing, which would be a comma or a letter. */
    @Test
    void everyFileNamesAnEndOfTextThatNoTextHas() {
        String text = "the cat, the hat; the bat.\n".repeat(20);
        Map<String, Tokenizer> byEnd = Map.of(
                "<|endoftext|>",
                CharTokenizer.fromCorpus(text),
                ByteAlphabet.show(new byte[] {(byte) 0xF5}),
                BpeTrainer.of(text).train(270));
        byEnd.forEach((end, tokenizer) -> {
            GptConfig config = TinyModels.gpt2().toBuilder()
                    .vocabSize(tokenizer.vocabSize())
                    .tiedHead(true)
                    .build();
            Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
            GgufFile.write(file(), gpt, tokenizer);
            try (DataFile data = DataFile.open(file(), "GGUF")) {
                Map<String, Object> values = GgufHeader.read(data).values();
                long id = (Long) values.get("tokenizer.ggml.eos_token_id");
                assertEquals(end, ((List<?>) values.get("tokenizer.ggml.tokens")).get((int) id));
                assertEquals(id, values.get("tokenizer.ggml.bos_token_id"));
            }
            GgufFile.Contents contents = GgufFile.read(file());
            assertEquals(tokenizer, contents.tokenizer().orElseThrow());
            Foreign.assertSameModel(gpt, contents.gpt());
        });
    }

    private static String text(ByteBuffer in, int bytes) {
        byte[] text = new byte[bytes];
        in.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }

    private static String string(ByteBuffer in) {
        return text(in, (int) in.getLong());
    }

    private static Object value(ByteBuffer in, int type) {
        return switch (type) {
            case 4, 5 -> in.getInt();
            case 6 -> in.getFloat();
            case 7 -> in.get() == 1;
            case 8 -> string(in);
            case 9 -> {
                int of = in.getInt();
                long n = in.getLong();
                ArrayList<Object> list = new ArrayList<>();
                for (long i = 0; i < n; i++) {
                    list.add(value(in, of));
                }
                yield list;
            }
            default -> throw new AssertionError("type " + type);
        };
    }

    @Test
    void otherModelsAreRefused() {
        assertSentence(
                "GGUF knows GPT-2 with the activation gelu or gelu-tanh, but the model has relu; train one with the"
                        + " activation gelu-tanh, or export it as onnx or samediff",
                () -> GgufFile.write(file(), TinyModels.gpt(), TinyModels.TOKENIZER));
        Gpt gpt = TinyModels.gpt(TinyModels.gpt2(), DataType.FLOAT);
        gpt.parameters().get("lm_head.bias").putScalar(2, 0.5f);
        assertSentence(
                "GGUF knows no bias of the head, but the model has one; train one with a tied head or without biases, or"
                        + " export it as onnx or samediff",
                () -> GgufFile.write(file(), gpt, TinyModels.TOKENIZER));
    }

    @Test
    void damageIsASentence() throws IOException {
        Files.writeString(file(), "GGML and so on, of some length");
        assertSentence(
                file() + " is no GGUF file: it does not begin with GGUF; copy or save it again.",
                () -> GgufFile.read(file()));
        // 2^60 tensors in 24 bytes
        ByteBuffer bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put("GGUF".getBytes(StandardCharsets.US_ASCII))
                .putInt(3)
                .putLong(1L << 60)
                .putLong(0);
        Files.write(file(), bytes.array());
        assertSentence(
                file() + " is damaged: it would have 1152921504606846976 tensors, more than it has room for; copy or"
                        + " save it again.",
                () -> GgufFile.read(file()));
    }

    @Test
    void aGgufFileOfAVocabularyOnly() throws IOException {
        Path file = dir.resolve("vocabulary.gguf");
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("general.architecture", "gpt2");
        GgufTokenizer.write(TinyModels.TOKENIZER, List.of(), values);
        writeHeader(file, values);
        assertSentence(
                file + " holds a vocabulary only, and no model: give the GGUF file of one.", () -> GgufFile.read(file));
        writeHeader(file, Map.of("general.architecture", "gpt2"));
        assertSentence(file + " holds no tensors, and no model: give the GGUF file of one.", () -> GgufFile.read(file));
    }

    private static void writeHeader(Path file, Map<String, Object> values) throws IOException {
        GgufOutput out = new GgufOutput();
        out.u32(GgufHeader.MAGIC).u32(GgufHeader.VERSION).u64(0).u64(values.size());
        values.forEach(out::entry);
        Files.write(file, out.bytes().toByteArray());
    }

    @Test
    void ggufHasThreeEndsOfItsOwn() {
        Map<String, Object> values = Map.of(
                "tokenizer.ggml.eos_token_id", 3L,
                "tokenizer.ggml.eot_token_id", 1L,
                "tokenizer.ggml.eom_token_id", 50256L,
                "tokenizer.ggml.bos_token_id", 2L);
        assertEquals(List.of(3, 1), GgufTokenizer.eosTokenIds(values, 5));
        assertEquals(List.of(3, 1, 50256), GgufTokenizer.eosTokenIds(values, 50257));
    }
}
