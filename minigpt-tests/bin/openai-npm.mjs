// Run by openai-npm: the address of a server is the argument.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const address = process.argv[2];
const client = new OpenAI({baseURL: address + '/v1', apiKey: 'none', maxRetries: 0});
const model = (await client.models.list()).data[0].id;
const usual = {model, max_tokens: 20, temperature: 0.8, seed: 5};

const whole = await client.completions.create({...usual, prompt: 'Hello', logprobs: 2});
assert.equal(whole.choices[0].logprobs.tokens.join(''), whole.choices[0].text);
let pieces = '';
for await (const piece of await client.completions.create({...usual, prompt: 'Hello', stream: true})) {
  pieces += piece.choices[0].text;
}
assert.equal(pieces, whole.choices[0].text);

const chat = {...usual, messages: [{role: 'developer', content: 'Be kind.'}, {role: 'user', content: 'Hello'}]};
const answer = await client.chat.completions.create(chat);
let talk = '';
let usage = null;
const options = {stream: true, stream_options: {include_usage: true}};
for await (const piece of await client.chat.completions.create({...chat, ...options})) {
  talk += piece.choices[0]?.delta.content ?? '';
  usage = piece.usage ?? usage;
}
assert.equal(talk, answer.choices[0].message.content);
assert.deepEqual(usage, answer.usage);

const schema = {type: 'object', properties: {old: {type: 'boolean'}}, required: ['old'], additionalProperties: false};
const json = await client.chat.completions.create({
  ...chat, max_tokens: 40, response_format: {type: 'json_schema', json_schema: {name: 'age', strict: true, schema}},
});
assert.equal(typeof JSON.parse(json.choices[0].message.content).old, 'boolean');

// The client asks for base64 by itself.
const embeddings = await client.embeddings.create({model, input: ['Hello', 'User']});
const floats = await client.embeddings.create({model, input: ['Hello', 'User'], encoding_format: 'float'});
assert.equal(embeddings.data.length, 2);
embeddings.data.forEach(({embedding}, i) => embedding.forEach((value, c) =>
  assert.equal(value, Math.fround(floats.data[i].embedding[c]))));

await assert.rejects(client.completions.create({...usual, prompt: 'Hello', temperature: -1}), error => {
  assert.equal(error.status, 400);
  assert.equal(error.param, 'temperature');
  return true;
});

const running = await client.completions.create({model, prompt: 'Hello', max_tokens: 2048, stream: true});
for await (const piece of running) {
  running.controller.abort(); // after the first token
}
for (let generating = 1; generating > 0;) { // the server has noticed
  ({generating} = await (await fetch(address + '/health')).json());
}
console.log('OpenAI\'s client for JavaScript is content.');
