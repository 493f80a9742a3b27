/** The page at /: two views, the settings of both, and the model. */

import {$, call, complain, element, keep, kept} from './api.js';
import * as attention from './attention.js';
import * as chat from './chat.js';
import * as code from './code.js';
import * as settings from './settings.js';
import * as write from './write.js';

const VIEWS = ['write', 'chat'];

function show(view) {
  for (const name of VIEWS) {
    const is = name === view;
    $(name + '-tab').setAttribute('aria-selected', String(is));
    $(name + '-tab').tabIndex = is ? 0 : -1;
    $(name + '-view').hidden = !is;
    document.body.classList.toggle(name, is);
  }
  keep('view', view);
}

const shownView = () => $('chat-view').hidden ? 'write' : 'chat';

VIEWS.forEach((view, i) => {
  $(view + '-tab').addEventListener('click', () => show(view));
  $(view + '-tab').addEventListener('keydown', event => {
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const other = VIEWS[1 - i];
      show(other);
      $(other + '-tab').focus();
    }
  });
});

function modelCard(model) {
  const m = model.minigpt;
  const rows = {
    'Layers': m.n_layer, 'Heads': m.n_head, 'Channels': m.n_embd, 'Tokens it sees': m.block_size,
    'Vocabulary': m.vocab_size, 'Parameters': m.parameters.toLocaleString('en'), 'Chat template': m.chat_template,
    'Tokens at once': m.max_tokens,
  };
  $('card').replaceChildren(...Object.entries(rows).flatMap(([name, value]) =>
    [element('dt', {textContent: name}), element('dd', {textContent: value})]));
  $('about').textContent = `${model.id}: ${m.n_layer} layers of ${m.n_head} heads, `
    + `${(m.parameters / 1e6).toPrecision(3)} million parameters, sees ${m.block_size} tokens`;
  document.title = model.id + ' – MiniGPT';
}

attention.start();
write.start();
code.start(() => shownView() === 'chat' ? chat.code() : write.code());
show(kept('view') === 'chat' ? 'chat' : 'write');
try {
  const model = (await (await call('v1/models')).json()).data[0];
  settings.start(model.minigpt.max_tokens);
  chat.start(model.minigpt.chat_template);
  modelCard(model);
} catch (e) {
  complain(e);
}
