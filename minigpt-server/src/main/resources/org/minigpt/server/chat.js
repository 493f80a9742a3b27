/** The view in which one talks with the model. */

import {
  $, busy, copy, element, enable, events, keep, kept, onClick, postPatiently, run, say, seedOf, stop,
} from './api.js';
import * as settings from './settings.js';

let messages = []; // {role, content}, without the system's

const conversation = () => {
  const system = $('system').value.trim();
  return system === '' ? messages : [{role: 'system', content: system}, ...messages];
};

const request = all => ({messages: all, max_completion_tokens: settings.maxTokens(), ...settings.parameters()});

/** @return what "View code" shows */
export function code() {
  const typed = $('message').value || 'Hello';
  const open = messages.at(-1)?.role === 'user';
  const all = [...conversation(), ...(open ? [] : [{role: 'user', content: typed}])];
  return {path: 'v1/chat/completions', body: settings.withSeed(request(all))};
}

/** Asks for an answer to what has been said. @param instead of the last answer, by another seed */
function answer(instead = false) {
  const old = instead ? messages.pop() : null;
  let came = false;
  run(async signal => {
    const body = {...request(conversation()), stream: true};
    const response = await postPatiently('v1/chat/completions', settings.withSeed(body, instead), signal);
    const said = {role: 'assistant', content: ''};
    let seed = '';
    let reason = null;
    let line = null;
    for await (const some of events(response)) {
      if (some.length === 0) {
        continue;
      }
      for (const data of some) {
        const event = JSON.parse(data);
        if (event.error) {
          throw new Error(event.error.message);
        }
        const [choice] = event.choices;
        said.content += choice.delta.content || '';
        reason = choice.finish_reason || reason;
        seed = seedOf(data) || seed;
      }
      if (!came) {
        came = true;
        messages.push(said);
        show();
        line = $('talk').lastElementChild.querySelector('.content');
      }
      const atEnd = $('talk').scrollHeight - $('talk').scrollTop - $('talk').clientHeight < 60;
      line.textContent = said.content;
      if (atEnd) {
        $('talk').scrollTop = $('talk').scrollHeight;
      }
    }
    // Screen readers are told the answer once it is whole.
    say('Seed ' + seed + (reason === 'length' ? '; the answer was cut off' : ''), false);
    $('announcement').textContent = 'The model: ' + said.content;
  }).finally(() => {
    if (old && !came) {
      messages.push(old);
    }
    show();
    $('message').focus({preventScroll: true});
  });
}

function send() {
  const typed = $('message').value;
  if (busy() || !settings.valid()) {
    return;
  }
  if (typed.trim() === '' && messages.at(-1)?.role !== 'user') {
    say('There is nothing to send yet: type a message.', true);
    return;
  }
  if (typed.trim() !== '') {
    messages.push({role: 'user', content: typed});
  }
  $('message').value = '';
  show();
  answer();
}

/** Takes the last exchange back, and what was said into the field. */
function undo() {
  if (messages.at(-1)?.role === 'assistant') {
    messages.pop();
  }
  const mine = messages.pop();
  if (mine) {
    $('message').value = mine.content;
  }
  show();
}

function show() {
  $('talk').replaceChildren(...messages.map(({role, content}) => element('div', {className: 'said ' + role},
    element('span', {className: 'who', textContent: role === 'user' ? 'You' : 'The model'}),
    element('div', {className: 'content', textContent: content}))));
  $('talk').scrollTop = $('talk').scrollHeight;
  $('talk').hidden = messages.length === 0;
  const some = messages.length > 0;
  ['chat-undo', 'chat-copy', 'chat-new'].forEach(id => enable(id, some));
  enable('chat-again', messages.at(-1)?.role === 'assistant');
  keep('messages', JSON.stringify(messages));
}

/** @param template the name of the server's chat template */
export function start(template) {
  $('template-note').hidden = template !== 'plain';
  messages = JSON.parse(kept('messages') || '[]');
  $('system').value = kept('system') || '';
  $('system-box').open = $('system').value !== '';
  $('system').addEventListener('input', () => keep('system', $('system').value));
  $('chat-form').addEventListener('submit', event => {
    event.preventDefault();
    send();
  });
  $('message').addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  onClick('chat-again', () => !busy() && settings.valid() && answer(true));
  onClick('chat-undo', () => !busy() && undo());
  onClick('chat-new', () => {
    if (!busy()) {
      messages = [];
      show();
      say('');
    }
  });
  onClick('chat-copy', () => copy(messages
    .map(({role, content}) => (role === 'user' ? 'You: ' : 'Model: ') + content).join('\n\n')));
  onClick('chat-stop', stop);
  show();
}
