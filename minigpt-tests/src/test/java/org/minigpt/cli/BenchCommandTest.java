package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.condition.OS.LINUX;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.cli.bench.BusyNeighbours;

/** What {@code minigpt bench} prints, on a model that is as small as can be; never how fast it was. */
class BenchCommandTest {
    private static final List<Object> TINY =
            List.of("--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 4, "--batch-size", 3);
    private static final List<Object> SHORT = List.of("--steps", 2, "--rounds", 1, "--replicas", 1);

    @SafeVarargs
    private static Cli.Result bench(List<Object>... options) {
        List<Object> args = new ArrayList<>(List.of("bench"));
        for (List<Object> some : options) {
            args.addAll(some);
        }
        return Cli.run(args.toArray());
    }

    /** @return the values by name: every line has both, and no name comes twice */
    private static Map<String, String> values(Cli.Result result) {
        Map<String, String> values = new LinkedHashMap<>();
        result.assertDone().out().lines().forEach(line -> {
            String[] words = line.split(" ");
            assertEquals(2, words.length, line);
            assertNull(values.put(words[0], words[1]), line);
        });
        return values;
    }

    private static double number(Map<String, String> values, String name) {
        double number = Double.parseDouble(values.get(name));
        assertTrue(number > 0, name + " " + number);
        return number;
    }

    private static void assertCommon(Map<String, String> values) {
        assertEquals(Runtime.version().toString(), values.get("java"));
        // wte 65·8, wpe 4·8, ln_1 2·8, c_attn 8·24, c_proj 8·8 + 8, ln_2 2·8, c_fc 8·32 + 32, c_proj 32·8 + 8, ln_f
        // 2·8, lm_head 65·8 + 65: 520 + 32 + 16 + 192 + 72 + 16 + 288 + 264 + 16 + 585
        assertEquals(2001, number(values, "parameters"));
        // Matrices 192 + 64 + 256 + 256 + 520 = 1288; a token 6·1288 + 12·1·8·4 = 8112; 3·4 of them.
        assertEquals(97344, number(values, "flops_per_step"));
        // 12 tokens a step. Both are rounded, to 0.001 ms and to whole tokens.
        double millis = number(values, "train_ms_per_step");
        double tokens = number(values, "tokens_per_second");
        assertEquals(millis, 12e3 / tokens, 0.0006 + 0.6 / tokens * millis);
        number(values, "forward_ms");
        number(values, "seconds_to_first_step");
    }

    @Test
    void planned() {
        Map<String, String> values = values(bench(TINY, SHORT));

        assertEquals("planned", values.get("engine"));
        assertEquals("1", values.get("replicas"));
        assertTrue(values.get("kernels").matches("(vector|plain)\\+\\w+"), values.get("kernels"));
        assertCommon(values);
        assertTrue(number(values, "sgemm_peak_gflops") > 0);
        // 97344 operations take so short that the share of the peak is rounded to 0.000 on a slow machine.
        double share = Double.parseDouble(values.get("fraction_of_peak"));
        assertTrue(share >= 0 && share < 1, values.get("fraction_of_peak"));
    }

    @Test
    void graph() {
        List<Object> options = List.of("--engine", "graph", "--steps", 2, "--rounds", 1);
        Map<String, String> values = values(bench(TINY, options));

        assertEquals("graph", values.get("engine"));
        assertEquals(Runtime.getRuntime().availableProcessors(), number(values, "replicas"));
        assertTrue(values.get("kernels").matches("(vector|plain)\\+\\w+"), values.get("kernels"));
        assertCommon(values);
        Cli.Result refused = bench(TINY, options, List.of("--replicas", 1));
        assertEquals(2, refused.exitCode());
        assertTrue(refused.err().contains("--replicas is not for --engine graph"), refused.err());
    }

    @Test
    void stock() {
        Map<String, String> values = values(bench(TINY, SHORT, List.of("--engine", "stock")));

        assertEquals("stock", values.get("engine"));
        assertTrue(values.get("kernels").matches("nd4j\\+\\w+"), values.get("kernels"));
        assertCommon(values);
        for (String name : Set.of("replicas", "sgemm_peak_gflops", "fraction_of_peak")) {
            assertFalse(values.containsKey(name), name);
        }
    }

    @Test
    void byKindOfOp() {
        Map<String, String> values =
                values(bench(TINY, List.of("--steps", 2, "--rounds", 1, "--ops", "--replicas", 8)));

        Set<String> names = Set.of(
                "embedding_ms",
                "embedding_bp_ms",
                "layer_norm_ms",
                "layer_norm_bp_ms",
                "linear_ms",
                "linear_bp_ms",
                "causal_attention_ms",
                "causal_attention_bp_ms",
                "relu_ms",
                "relu_bp_ms",
                "add_ms",
                "cross_entropy_ms",
                "cross_entropy_bp_ms");
        assertEquals(names, values.keySet());
        List<Double> millis = values.values().stream().map(Double::valueOf).toList();
        assertEquals(millis.stream().sorted(Comparator.reverseOrder()).toList(), millis);
        assertTrue(millis.get(0) > 0);
        bench(TINY, SHORT, List.of("--ops", "--dropout", 0.1))
                .assertSentence("--ops measures a model without dropout; leave --dropout out");
    }

    private static final List<Object> OF_TRAIN = List.of(
            "--",
            "--n-layer",
            1,
            "--n-head",
            2,
            "--n-embd",
            8,
            "--block-size",
            8,
            "--batch-size",
            4,
            "--replicas",
            1,
            "--data",
            "moby-dick",
            "--train-split",
            0.999,
            "--max-iters",
            40,
            "--eval-interval",
            10,
            "--learning-rate",
            0.01);

    /** By the trainer that train has: so the run of the same options reaches the loss at the same step. */
    @Test
    void toALoss() {
        Map<String, String> values = values(bench(List.of("--to-loss", 100), OF_TRAIN));

        assertEquals("10", values.get("steps")); // the first evaluation: any loss is below 100
        double loss = number(values, "loss");
        assertTrue(loss < 5, values.get("loss"));
        double seconds = Double.parseDouble(values.get("seconds"));
        assertTrue(seconds >= 0 && number(values, "seconds_from_start") >= seconds);
        assertEquals(
                values.get("loss"),
                values(bench(List.of("--to-loss", loss + 1e-4), OF_TRAIN)).get("loss"));
        // A loss that is not there yet takes further evaluations.
        double steps = number(values(bench(List.of("--to-loss", loss - 0.1), OF_TRAIN)), "steps");
        assertTrue(steps > 10 && steps % 10 == 0, "" + steps);
    }

    @Test
    void toALossFromSeveralSeeds() {
        Map<String, String> values = values(bench(List.of("--to-loss", 100, "--seeds", "1,2"), OF_TRAIN));

        double mean = (number(values, "loss_1") + number(values, "loss_2")) / 2;
        assertEquals(mean, number(values, "mean_loss"), 1.01e-4); // all three are rounded
        assertTrue(!values.get("loss_1").equals(values.get("loss_2")), values.toString());
        assertEquals(
                values.get("loss_2"),
                values(bench(List.of("--to-loss", 100, "--seeds", 2), OF_TRAIN)).get("loss"));
        assertEquals("10.00", values.get("mean_steps"));
    }

    @Test
    void aLossThatIsNotReached() {
        Cli.Result result = bench(List.of("--to-loss", 0.001), OF_TRAIN);
        assertEquals(1, result.exitCode());
        assertTrue(
                result.err()
                        .matches("minigpt: After 40 steps the loss of seed 1337 is [\\d.]+, not 0[.]001 or less: add"
                                + " steps, or try another preset[.]\\R"),
                result.err());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--to-loss 2 --n-embd 8 | --n-embd is not for --to-loss, which trains as minigpt train does",
                "--preset lecture | --preset, --seeds and options of train behind -- are for --to-loss",
                "--to-loss 2 --soak 1 | are measurements of their own",
                "--to-loss 2 -- --init-from out | --resume and --init-from go on with a model"
            })
    void whatDoesNotGoWithALoss(String options, String sentence) {
        Cli.Result result = bench(List.of((Object[]) options.split(" ")));
        assertTrue(result.exitCode() != 0 && result.err().contains(sentence), result.err());
    }

    @Test
    void anAdapter() {
        Map<String, String> values = values(bench(TINY, SHORT, List.of("--lora-rank", 2)));

        // A [8,2] and B [2,24]
        assertEquals(8 * 2 + 2 * 24, number(values, "adapter_parameters"));
        for (String name : Set.of("train_ms_per_step", "forward_ms", "tokens_per_second", "first_loss", "last_loss")) {
            number(values, name);
        }
    }

    /** 9 heads of 2, and 3 of keys and values. */
    @Test
    void shapesThatPeopleHave() {
        Map<String, String> values = values(bench(
                SHORT,
                List.of("--config", "SMOLLM2", "--n-layer", 1, "--n-embd", 18, "--n-inner", 4, "--block-size", 4),
                List.of("--lora-rank", 1)));

        // wte 49152·18; q and o 18·18, k and v 18·6, gate, up and down 3·18·4, three norms of 18
        assertEquals(49152 * 18 + 2 * 18 * 18 + 2 * 18 * 6 + 3 * 18 * 4 + 3 * 18, number(values, "parameters"));
        // queries, keys and values of 18 + 2·6: A [18,1] and B [1,30]
        assertEquals(18 + 30, number(values, "adapter_parameters"));
    }

    @Test
    void generating() {
        Map<String, String> values = values(bench(
                List.of("--generate", "--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 4),
                List.of("--batch-size", 3, "--prompt-tokens", 100, "--rounds", 1)));

        assertEquals("3", values.get("batch_size"));
        assertEquals("4", values.get("prompt_tokens"));
        // Matrices of the block 192 + 64 + 256 + 256 and the head 65·8, keys and values 2·8 of 1 + 3/2 tokens: 4·1328.
        assertEquals(5312, number(values, "bytes_per_token"));
        for (String name : Set.of(
                "generate_tokens_per_second",
                "batch_tokens_per_second",
                "sliding_exact_tokens_per_second",
                "sliding_halving_tokens_per_second",
                "copy_gigabytes_per_second",
                "prompt_ms")) {
            number(values, name);
        }
    }

    @Test
    void generatingBesideABusyProcessWithKeysInHalves() {
        Map<String, String> values = values(bench(
                List.of("--generate", "--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 4),
                List.of("--batch-size", 3, "--rounds", 1, "--busy", 1, "--cache", "f16")));

        assertEquals("1", values.get("busy_neighbours"));
        assertEquals("f16", values.get("cache"));
        // 4·1288 as above, keys and values 2·8 of 2.5 tokens in 2 bytes
        assertEquals(4 * 1288 + 2 * 40, number(values, "bytes_per_token"));
        assertTrue(number(values, "generate_tokens_per_second") > 0);
    }

    @Test
    void busyNeighboursEnd() {
        List<ProcessHandle> neighbours;
        try (BusyNeighbours two = new BusyNeighbours(2)) {
            neighbours = two.all();
            assertEquals(2, neighbours.size());
            assertTrue(neighbours.stream().allMatch(ProcessHandle::isAlive));
        }
        neighbours.forEach(process -> process.onExit().join());
    }

    @Test
    @EnabledOnOs(LINUX)
    void servingIsMeasured() {
        Map<String, String> values = values(bench(TINY, List.of("--serve", 4, "--clients", 3)));

        assertEquals("3", values.get("clients"));
        assertEquals("0", values.get("errors"));
        for (String name : Set.of(
                "requests",
                "requests_per_second",
                "tokens_per_second",
                "resident_mb_after_1_s",
                "resident_mb_after_4_s",
                "first_token_p99_ms")) {
            number(values, name);
        }
        assertTrue(number(values, "p50_ms") <= number(values, "p99_ms"));
        assertTrue(number(values, "p99_ms") <= number(values, "p100_ms"));
    }

    @Test
    @EnabledOnOs(LINUX)
    void memoryIsMeasuredOnLinux() {
        assertTrue(number(values(bench(TINY, SHORT)), "peak_memory_mb") > 10);
    }

    @Test
    void whatIsGivenBesideAPresetCounts() {
        // Of M all but the layers and the heads, which do not divide the width of S.
        Map<String, String> values =
                values(bench(SHORT, List.of("--config", "M", "--n-layer", 1, "--n-head", 128, "--batch-size", 1)));

        // Matrices 12·128² + 65·128 = 204928; a token 6·204928 + 12·1·128·64; 1·64 of them.
        assertEquals((6 * 204928 + 12 * 128 * 64) * 64, number(values, "flops_per_step"));
    }

    @Test
    void whatIsGivenBesideGpt2Counts() {
        List<Object> plain = List.of("--config", "GPT2", "--bias", "none", "--no-tied-head");

        // wte and lm_head 65·8 each, wpe 4·8, norms 3·8, c_attn 8·24, c_proj 8·8, c_fc 8·32, c_proj 32·8
        assertEquals(1864, number(values(bench(plain, TINY, SHORT)), "parameters"));
    }

    @Test
    void badInput() {
        bench(List.of("--steps", 0)).assertSentence("--steps is 0: it must be at least 1.");
        bench(List.of("--rounds", 0)).assertSentence("--rounds is 0: it must be at least 1.");
        bench(List.of("--serve", 0)).assertSentence("--serve is 0: it must be at least 1.");
        bench(List.of("--serve", 1, "--clients", 0)).assertSentence("--clients is 0: it must be at least 1.");
        bench(List.of("--batch-size", 0)).assertSentence("--batch-size is 0: it must be at least 1.");
        bench(TINY, List.of("--replicas", 0)).assertSentence("--replicas is 0: it must be at least 1.");
        bench(TINY, List.of("--ops", "--replicas", 0)).assertSentence("--replicas is 0: it must be at least 1.");
        bench(TINY, List.of("--engine", "stock", "--dropout", 0.2))
                .assertSentence("the portable op set has no dropout, but a share of 0.2 is to be dropped; train with"
                        + " the fused op set, or set dropout to 0");
    }

    @Test
    void theSweepSetsTheSizes() {
        Cli.Result result = bench(List.of("--attention-sweep", "--n-embd", 64));

        assertEquals(
                String.format(
                        "minigpt: --attention-sweep sets the sizes itself: leave --n-embd out.%nTry: minigpt bench --help%n"),
                result.err());
        assertEquals(2, result.exitCode());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--ops --generate | --ops and --generate are measurements of their own: leave one of them out.",
                "--soak 1 --serve 1 | --soak and --serve are measurements of their own: leave one of them out.",
                "--cold | --cold is for --generate: add that, or leave it out.",
                "--busy 1 | --busy is for --generate: add that, or leave it out.",
                "--generate --busy -1 | --busy is -1, but must be at least 0.",
                "--cache f16 | --cache is for --generate without --cold: leave it out.",
                "--window halving | --window is for --serve: add that, or leave it out.",
                "--clients 3 | --clients is for --serve: add that, or leave it out.",
                "--ops --engine stock | --engine is not for --ops, which measures this library's own: leave it out.",
            })
    void optionsThatDoNotGoTogether(String options, String sentence) {
        Cli.Result result = Cli.run((Object[]) ("bench " + options).split(" "));

        assertEquals(String.format("minigpt: %s%nTry: minigpt bench --help%n", sentence), result.err());
        assertEquals(2, result.exitCode());
    }

    @Test
    void dataIsForTheSoak() {
        Cli.Result result = bench(List.of("--data", "tokens"));

        assertEquals(2, result.exitCode());
        assertTrue(
                result.err()
                        .startsWith("minigpt: --data is for --soak and --lora-rank: add one of them, or leave it out."),
                result.err());
        Cli.run("bench", "--soak", 0).assertSentence("--soak is 0: it must be at least 1.");
    }
}
