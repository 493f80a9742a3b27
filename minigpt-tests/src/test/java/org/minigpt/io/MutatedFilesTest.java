package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenFolder;
import org.minigpt.data.Tokens;
import org.minigpt.gguf.GgufFile;
import org.minigpt.internal.pickle.PickleTest;
import org.minigpt.llama2c.Llama2cFile;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.Lora;
import org.minigpt.pytorch.PyTorchFile;
import org.minigpt.testing.Mutations;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.SentencePieces;
import org.minigpt.text.bpe.SentencePieces.Type;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * More than twenty thousand damaged files of all formats: each is a sentence or a model, never another exception, and
 * never an array of a size that only a damaged header gives, for which the tests' heap would not suffice.
 */
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MutatedFilesTest {
    private static final int FILES_A_FORMAT = 1250;

    @TempDir
    Path dir;

    private final Gpt gpt = TinyModels.gpt(
            TinyModels.gpt2().toBuilder()
                    .tiedHead(true)
                    .nLayer(1)
                    .nHead(1)
                    .nEmbd(2)
                    .normEps(1e-5)
                    .build(),
            DataType.FLOAT);

    @Test
    void safetensors() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        mutate(dir.resolve("model.safetensors"), 1200, 1, file -> ModelFolder.loadGpt(dir));
    }

    @Test
    void configurations() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        mutate(dir.resolve("config.json"), Integer.MAX_VALUE, 2, file -> ModelFolder.loadGpt(dir));
    }

    @Test
    void indices() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        Files.delete(dir.resolve("model.safetensors"));
        Map<String, INDArray> parameters = new LinkedHashMap<>(gpt.parameters());
        Safetensors.write(dir.resolve("a.safetensors"), parameters, Map.of());
        StringBuilder index = new StringBuilder("{\"weight_map\": {");
        parameters
                .keySet()
                .forEach(name ->
                        index.append(index.length() > 16 ? ", " : "").append("\"" + name + "\": \"a.safetensors\""));
        Path file = Files.writeString(dir.resolve("model.safetensors.index.json"), index + "}}");
        mutate(file, Integer.MAX_VALUE, 3, any -> ModelFolder.loadGpt(dir));
    }

    @Test
    void llmc() throws IOException {
        LlmcFile.write(dir.resolve("gpt.bin"), gpt);
        mutate(dir.resolve("gpt.bin"), 40, 4, LlmcFile::read);
    }

    @Test
    void gguf() throws IOException {
        GgufFile.write(dir.resolve("gpt.gguf"), gpt, TinyModels.TOKENIZER);
        mutate(dir.resolve("gpt.gguf"), 1800, 5, file -> GgufFile.read(file).gpt());
    }

    /** Of a tokenizer that needs a control token added. */
    @Test
    void ggufOfBpe() throws IOException {
        BpeTokenizer tokenizer =
                BpeTokenizer.of(List.of("a", "b", "c", "ab", "<|x|>"), List.of("a b"), List.of("<|x|>"));
        GgufFile.write(dir.resolve("gpt.gguf"), gpt, tokenizer);
        mutate(dir.resolve("gpt.gguf"), 1800, 8, file -> GgufFile.read(file).gpt());
    }

    @Test
    void ggufOfPieces() throws IOException {
        BpeTokenizer tokenizer = new SentencePieces(
                        List.of("<unk>", "<s>", "\u2581", "a", "\u2581a"),
                        new float[] {0, 0, -2, -3, -1},
                        List.of(Type.UNKNOWN, Type.CONTROL, Type.NORMAL, Type.NORMAL, Type.NORMAL))
                .tokenizer(Metaspace.legacy(OptionalInt.empty()), List.of(1), List.of(), MiniGptException::new);
        GgufFile.write(dir.resolve("gpt.gguf"), gpt, tokenizer);
        mutate(dir.resolve("gpt.gguf"), 1800, 11, file -> GgufFile.read(file).gpt());
    }

    @Test
    void ggufOfIds() throws IOException {
        GgufFile.write(dir.resolve("gpt.gguf"), gpt, new IdTokenizer(5));
        mutate(dir.resolve("gpt.gguf"), 1400, 9, file -> GgufFile.read(file).gpt());
    }

    /** Of nanoGPT's model without its optimizer, and the lecture's in the older format. */
    @Test
    void pyTorch() throws IOException {
        Path file = Files.copy(Path.of("src/test/resources/pytorch/nanogpt-compiled.pt"), dir.resolve("ckpt.pt"));
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), 3000, 11, PyTorchFile::read);
        file = Files.copy(Path.of("src/test/resources/pytorch/lecture-old.pt"), dir.resolve("old.pt"));
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), 6000, 12, PyTorchFile::read);
    }

    @Test
    void llama2c() throws IOException {
        Path file = dir.resolve("model.bin");
        Files.copy(Path.of("src/test/resources/llama2c/v0.bin"), file);
        Mutations.of(file, Mutations.count(FILES_A_FORMAT / 2), 28, 13, Llama2cFile::read);
        Files.write(file, Files.readAllBytes(Path.of("src/test/resources/llama2c/v2.bin")));
        Mutations.of(file, Mutations.count(FILES_A_FORMAT / 2), 44, 14, Llama2cFile::read);
    }

    @Test
    void tokensOfLlmc() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1024 + 2 * 300).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(20240520).putInt(1).putInt(300);
        Files.write(dir.resolve("val.bin"), bytes.array());
        Path file = Files.write(dir.resolve("train.bin"), bytes.array());
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), 12, 8, any -> {
            Tokens train = TokenFolder.open(dir, new IdTokenizer(65)).data().train();
            // As llm.c's file, or as nanoGPT's if its first bytes are no longer llm.c's.
            assertTrue(train.length() < 1000);
            train.toArray();
        });
    }

    @Test
    void charactersOfNanoGpt() throws IOException {
        Files.write(dir.resolve("train.bin"), new byte[40]);
        Files.write(dir.resolve("val.bin"), new byte[40]);
        Map<Object, Object> itos = new LinkedHashMap<>();
        Map<Object, Object> stoi = new LinkedHashMap<>();
        for (int id = 0; id < 26; id++) {
            itos.put(id, Character.toString('a' + id));
            stoi.put(Character.toString('a' + id), id);
        }
        Path file = Files.write(
                dir.resolve("meta.pkl"), PickleTest.pickled(Map.of("vocab_size", 26, "itos", itos, "stoi", stoi)));
        Mutations.of(
                file,
                Mutations.count(FILES_A_FORMAT),
                Integer.MAX_VALUE,
                9,
                any -> assertTrue(TokenFolder.open(dir).tokenizer().vocabSize() <= 30));
    }

    @Test
    void adapters() throws IOException {
        LoraFolder.save(dir, Lora.attach(gpt, Lora.Config.ofRank(1), 7));
        mutate(dir.resolve("adapter_model.safetensors"), 300, 6, file -> adapted());
        LoraFolder.save(dir, Lora.attach(gpt, Lora.Config.ofRank(1), 7));
        mutate(dir.resolve("adapter_config.json"), Integer.MAX_VALUE, 7, file -> adapted());
    }

    /** With the keys that PEFT writes. */
    @Test
    void configurationsOfAdapters() throws IOException {
        LoraFolder.save(dir, Lora.attach(gpt, Lora.Config.ofRank(1), 7));
        Path file = dir.resolve("adapter_config.json");
        Files.writeString(file, Files.readString(file).replaceFirst("\\{", """
                {"alora_invocation_tokens": null, "arrow_config": null, "auto_mapping": null, "eva_config": null,
                 "exclude_modules": null, "inference_mode": true, "init_lora_weights": "gaussian",
                 "layer_replication": null, "layers_to_transform": null, "loftq_config": {}, "lora_bias": false,
                 "megatron_core": "megatron.core", "modules_to_save": [], "qalora_group_size": 16,
                 "rank_pattern": {}, "use_dora": false, "use_qalora": false, "use_rslora": false,"""));
        mutate(file, Integer.MAX_VALUE, 10, any -> adapted());
    }

    private Gpt adapted() {
        LoraFolder.load(dir, gpt).detach();
        return gpt;
    }

    @Test
    void endsOfText() throws IOException {
        ModelFolder.save(dir, gpt, TinyModels.TOKENIZER);
        String token = "{\"eos_token\": {\"content\": \"h\"}, \"clean_up_tokenization_spaces\": false}";
        Mutations.of(
                Files.writeString(dir.resolve("tokenizer_config.json"), token),
                FILES_A_FORMAT / 4,
                Integer.MAX_VALUE,
                8,
                file -> assertWhole(ModelFolder.load(dir).gpt()));
        Files.writeString(dir.resolve("tokenizer_config.json"), token);
        Mutations.of(
                Files.writeString(dir.resolve("generation_config.json"), "{\"eos_token_id\": [1, 3]}"),
                FILES_A_FORMAT / 4,
                Integer.MAX_VALUE,
                9,
                file -> assertWhole(ModelFolder.load(dir).gpt()));
    }

    private static void mutate(Path file, int header, long seed, Function<Path, Gpt> reader) throws IOException {
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), header, seed, any -> assertWhole(reader.apply(any)));
    }

    /** A damaged configuration may still be one: then the parameters are all those that it needs. */
    private static void assertWhole(Gpt gpt) {
        GptConfig config = gpt.config();
        assertEquals(
                Gpt.declaredParameters(config).stream().map(p -> p.name()).toList(),
                gpt.parameters().keySet().stream().toList());
        assertTrue(gpt.parameterCount() < 1000);
    }
}
