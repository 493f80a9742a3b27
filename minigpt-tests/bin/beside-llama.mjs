// Called by beside-llama: node beside-llama.mjs LAUNCHER MODEL PROMPT, or node beside-llama.mjs --families LINES
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { getLlama } from "node-llama-cpp";

const TOKENS = 100;
const NEAR = 0.01;
const [launcher, model, prompt] = process.argv.slice(2);
const minigpt = (...args) => execFileSync(launcher, args, { stdio: ["ignore", "pipe", "ignore"] }).toString();

async function theirs(file, prompt, count) {
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
  const loaded = await llama.loadModel({ modelPath: file });
  const context = await loaded.createContext({ contextSize: Math.min(1024, loaded.trainContextSize) });
  const ids = [];
  for await (const token of context.getSequence().evaluate(loaded.tokenize(prompt), { temperature: 0 })) {
    ids.push(Number(token));
    if (ids.length === count) break;
  }
  const texts = (list) => loaded.detokenize(list);
  return { ids, texts };
}

// The natural log-probability of the last token of a text: of two texts that differ in it, the logits differ as these do.
function last(weights, text) {
  const lines = minigpt("score", "--model", model, "--weights", weights, "--tokens", "--text", text).trim().split("\n");
  return Number(lines[lines.length - 2].split(" ")[1]);
}

let failed = false;
if (launcher === "--families") {
  for (const line of readFileSync(model, "utf8").trim().split("\n")) {
    const { name, file, prompt, text } = JSON.parse(line);
    const peer = await theirs(file, prompt, text.length);
    const written = peer.texts(peer.ids);
    console.log(`${name}: ${written === text ? `the same ${text.length} tokens` : JSON.stringify([text, written])}`);
    failed ||= written !== text;
  }
  process.exit(failed ? 1 : 0);
}
for (const weights of ["f32", "f16", "q8_0", "q4_0"]) {
  const file = `${process.cwd()}/${weights}.gguf`;
  minigpt("export", "--model", model, "--format", "gguf", "--dtype", weights, "--out", file);
  const json = minigpt("sample", "--model", file, "--prompt", prompt, "--greedy", "--ignore-eos",
    "--max-new-tokens", String(TOKENS), "--json");
  const ours = JSON.parse(json).tokens;
  const peer = await theirs(file, prompt, TOKENS);
  const at = ours.findIndex((id, i) => id !== peer.ids[i]);
  if (at < 0) {
    console.log(`${weights} the same ${ours.length} tokens`);
    continue;
  }
  const before = prompt + peer.texts(ours.slice(0, at));
  const gap = last(weights, before + peer.texts([ours[at]])) - last(weights, before + peer.texts([peer.ids[at]]));
  console.log(`${weights} the same ${at} tokens, then logits ${gap.toFixed(4)} apart`);
  failed ||= !(Math.abs(gap) < NEAR);
}
process.exit(failed ? 1 : 0);
