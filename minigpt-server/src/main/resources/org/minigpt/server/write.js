/** The view in which one writes with the model. */

import {
  $, busy, copy, element, enable, events, keep, kept, onClick, postPatiently, run, say, seedOf, stop,
} from './api.js';
import * as settings from './settings.js';
import * as text from './text.js';

const EXAMPLES = ['ROMEO:', 'Once upon a time', 'The meaning of life is', 'def main():'];
const MOST_KEPT = 20;
const ALTERNATIVES = 5;

let before = []; // the texts to come back to
let begun = 0; // the tokens that the last generation has begun with
let history = []; // {prompt, tokens}, the newest first

/**
 * The tokens of an event, as text.js has them, each with its part of the event's text: of tokens that make up a character
 * together, the last has it.
 *
 * @param at the place of the event's text, in characters
 * @return [what comes before the first of them, and belongs to the token before, the tokens]
 */
export function tokensOf(choice, at) {
  const {logprobs} = choice;
  const characters = Array.from(choice.text);
  const places = [...logprobs.text_offset.map(place => place - at), characters.length];
  const tokens = logprobs.tokens.map((token, i) => {
    const id = logprobs.token_ids[i];
    const logp = logprobs.token_logprobs[i];
    const top = logprobs.top_logprobs[i] || {};
    const ids = logprobs.top_token_ids[i] || {};
    return {
      id,
      text: characters.slice(places[i], places[i + 1]).join(''),
      // Its name in top, where parts of characters look alike: another's probability tells that it is not there.
      name: token in top && top[token] === logp ? token : 'token_id:' + id,
      p: Math.exp(logp),
      // An object does not keep the order of names that are numbers.
      top: Object.entries(top).sort((a, b) => b[1] - a[1]).map(([name, other]) => [name, Math.exp(other), ids[name]]),
    };
  });
  return [characters.slice(0, places[0]).join(''), tokens];
}

/** What is asked of the server, but for the seed. */
const request = prompt => ({prompt, max_tokens: settings.maxTokens(), ...settings.parameters()});

/** @return what "View code" shows: with the text that has been typed */
export const code = () => ({path: 'v1/completions', body: settings.withSeed(request($('prompt').value))});

/**
 * Goes on from some tokens.
 *
 * @param beginning the tokens, or a function of an AbortSignal that asks for them
 * @param anotherSeed whether the seed in the settings has been used for this already
 */
function generate(beginning, anotherSeed = false) {
  if (busy() || !settings.valid()) {
    return;
  }
  run(async signal => {
    const from = typeof beginning === 'function' ? await beginning(signal) : beginning;
    const body = {...request(from.map(token => token.id)), logprobs: ALTERNATIVES, stream: true};
    const start = performance.now();
    const response = await postPatiently('v1/completions', settings.withSeed(body, anotherSeed), signal);
    let count = 0;
    let at = null;
    let reason = null;
    let done = '';
    for await (const some of events(response)) {
      if (some.length === 0) {
        continue;
      }
      const choices = some.map(data => {
        const event = JSON.parse(data);
        if (event.error) {
          throw new Error(event.error.message);
        }
        return event.choices[0];
      });
      if (count === 0) { // until then the text before stays
        begin(from);
      }
      for (const choice of choices) {
        at ??= choice.logprobs.text_offset[0];
        const [rest, more] = tokensOf(choice, at);
        text.extend(rest);
        text.add(more);
        count += more.length;
        at += Array.from(choice.text).length;
      }
      reason = choices.at(-1).finish_reason;
      done = count + (count === 1 ? ' token, ' : ' tokens, ') + Math.round(count / (performance.now() - start) * 1000)
        + ' a second, seed ' + seedOf(some.at(-1));
      say(done, false);
      able();
    }
    say(done + (reason === 'stop' ? '; the model ended the text' : count < body.max_tokens ? '; the time was up' : ''));
  }).finally(() => {
    remember();
    able();
  });
}

function begin(from) {
  if (text.tokens.length) {
    before.push(text.tokens.slice());
  }
  begun = from.length;
  if (from.length === text.tokens.length && from.every((token, i) => token === text.tokens[i])) {
    return; // it goes on
  }
  text.replace(from);
}

async function tokensOfPrompt(signal) {
  const answer = await (await postPatiently('v1/tokenize', {prompt: $('prompt').value}, signal)).json();
  return answer.tokens;
}

function undo() {
  if (busy()) {
    return;
  }
  text.replace(before.pop());
  begun = 0;
  say('Undone.');
  able();
}

function able() {
  const some = text.tokens.length > 0;
  ['go-on', 'copy', 'clear'].forEach(id => enable(id, some));
  enable('again', begun > 0 && some);
  enable('undo', before.length > 0);
}

// ---- History

/** Keeps the text; one that goes on takes the place of what it has gone on from. */
function remember() {
  const {tokens} = text;
  if (tokens.every(token => token.p === undefined)) {
    return;
  }
  const last = history[0];
  if (last && tokens.length >= last.tokens.length && last.tokens.every((token, i) => token.id === tokens[i].id)) {
    history.shift();
  }
  history.unshift({prompt: $('prompt').value, tokens: tokens.slice()});
  history.length = Math.min(history.length, MOST_KEPT);
  let fit = history.length; // a browser has room for some megabytes
  while (fit > 0 && !keep('history', JSON.stringify(history.slice(0, fit)))) {
    fit--;
  }
  showHistory();
}

function showHistory() {
  $('history-box').hidden = history.length === 0;
  $('history').replaceChildren(...history.map((entry, i) => {
    const start = entry.tokens.slice(0, 60).map(token => token.text).join('').replace(/\s+/g, ' ').slice(0, 60);
    const button = element('button', {type: 'button', textContent: start || '∅'});
    button.addEventListener('click', () => restore(history[i]));
    return element('li', {}, button);
  }));
}

function restore(entry) {
  if (busy()) {
    return;
  }
  if (text.tokens.length) {
    before.push(text.tokens);
  }
  begun = 0;
  $('prompt').value = entry.prompt;
  text.replace(entry.tokens.slice());
  say('');
  able();
}

// ---- Controls

export function start() {
  text.start((at, other) => generate([...text.tokens.slice(0, at), other]));
  $('examples').append(...EXAMPLES.map(example => {
    const button = element('button', {type: 'button', className: 'small', textContent: example});
    button.addEventListener('click', () => {
      $('prompt').value = example;
      keep('draft', example);
      $('prompt').focus();
    });
    return button;
  }));
  $('form').addEventListener('submit', event => {
    event.preventDefault();
    generate(tokensOfPrompt);
  });
  $('prompt').addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      $('form').requestSubmit();
    }
  });
  onClick('go-on', () => generate(text.tokens.slice()));
  onClick('again', () => generate(text.tokens.slice(0, begun), true));
  onClick('undo', undo);
  onClick('clear', () => restore({prompt: $('prompt').value, tokens: []}));
  onClick('stop', stop);
  onClick('copy', () => copy(text.wholeText()));
  $('clear-history').addEventListener('click', () => {
    history = [];
    keep('history', '[]');
    showHistory();
  });
  $('prompt').value = kept('draft') || '';
  $('prompt').addEventListener('input', () => keep('draft', $('prompt').value));
  history = JSON.parse(kept('history') || '[]');
  showHistory();
  text.replace(history.length ? history[0].tokens.slice() : []); // a reload loses nothing
  able();
}
