// Renders conversations by each chat template with Hugging Face's Jinja, into templates/NAME/expected.jsonl.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const say = (role, content) => ({ role, content });
const call = (name, args) => ({ type: "function", function: { name, arguments: args } });
const called = (content, ...calls) => ({ role: "assistant", content, tool_calls: calls });
const weather = {
    type: "function",
    function: {
        name: "weather",
        description: "Tells the weather of a \"place\", in <degrees> & words",
        parameters: {
            type: "object",
            properties: { city: { type: "string" }, days: { type: "integer", enum: [1, 2, 3] }, tall: { type: "boolean" } },
            required: ["city"],
        },
    },
};
const time = { type: "function", function: { name: "time", description: "", parameters: { type: "object", properties: {} } } };
const talks = [
    [say("user", "Hi")],
    [say("user", "  spaces \n\n around\t ")],
    [say("system", "Be kind."), say("user", "Hi")],
    [say("system", " Be kind.\n"), say("user", "Hi"), say("assistant", "Hello!"), say("user", " How are you? ")],
    [say("user", "'quoted' \"twice\" {{ x }} {% y %} \\n <b> & \u00e9\u4e2d\u{1f600}"), say("assistant", "a\n\nb"), say("user", "")],
    [say("user", "One?"), say("assistant", "<think>\nIt is 1.\n</think>\n\n1"), say("user", "Two?"), say("assistant", "2")],
    [say("user", "One?"), say("assistant", "<think>\n\n</think>\n\n1")],
    [say("user", "a"), say("assistant", "b"), say("user", "c"), say("assistant", "d"), say("system", "late"), say("user", "e")],
    [say("assistant", "I begin."), say("user", "You do.")],
    [say("user", "Twice"), say("user", "in a row")],
];
const used = [
    [say("user", "Weather?"), called("", call("weather", { city: "Ulm \"x\"", days: 2 })), say("tool", "{\"sun\": 1}"), say("assistant", "Sun.")],
    [say("user", "Both?"), called("Let me look.", call("weather", { city: "K\u00f6ln", tall: true }), call("time", {})),
        say("tool", "rain"), say("tool", "noon"), say("user", "Thanks")],
    [say("system", "Be kind."), say("user", "Weather?"), called("", call("weather", { city: "Ulm" })), say("tool", "sun")],
];
const cases = [
    ...talks.map((messages) => ({ messages })),
    ...[...talks.slice(0, 4), ...used].flatMap((messages) => [[weather], [weather, time]].map((tools) => ({ messages, tools }))),
].flatMap((one) => [true, false].map((prompt) => ({ ...one, prompt })));

const text = (token) => token?.content ?? token ?? "";

for (const name of process.argv.slice(2)) {
    const from = `node_modules/@lenml/tokenizer-${name}/models/tokenizer_config.json`;
    const config = JSON.parse(readFileSync(from, "utf8"));
    if (typeof config.chat_template !== "string") {
        console.log(`${name} has no template`);
        continue;
    }
    const dir = `templates/${name}`;
    mkdirSync(dir, { recursive: true });
    copyFileSync(from, `${dir}/tokenizer_config.json`);
    const template = new Template(config.chat_template);
    let refused = 0;
    const lines = cases.map(({ messages, tools, prompt }) => {
        const values = { messages, add_generation_prompt: prompt, bos_token: text(config.bos_token), eos_token: text(config.eos_token) };
        let expected = null;
        try {
            expected = template.render(tools ? { ...values, tools } : values);
        } catch (e) {
            refused++;
        }
        return JSON.stringify({ messages, tools, prompt, expected });
    });
    console.log(`${name}: ${lines.length} conversations, of which ${refused} are refused`);
    writeFileSync(`${dir}/expected.jsonl`, lines.join("\n") + "\n");
}
