'use strict';

const $ = id => document.getElementById(id);

/** The text: {id, text, name, p, top: [[name, p], ...]} for each token; p is undefined for those of the beginning. */
let tokens = [];
let selected = -1;
let attention = null; // {of, first, position, weights[layer][head][token]}
let pinned = null; // [layer, head] that the text is shaded by
let running = null; // an AbortController
let asked = 0; // the last request for attention

const percent = p => p >= 0.9995 ? '100 %' : p < 0.0005 ? '< 0.1 %' : (100 * p).toFixed(1) + ' %';
const shown = text => text.replace(/\n/g, '↵').replace(/\r/g, '␍').replace(/\t/g, '⇥').replace(/^ +| +$/g, s => '·'.repeat(s.length)) || '∅';

function element(tag, properties, ...children) {
  const result = Object.assign(document.createElement(tag), properties);
  result.append(...children);
  return result;
}

/** Asks for the server's key if it wants one, and keeps it until the window is closed. */
async function call(path, options) {
  for (;;) {
    const key = sessionStorage.getItem('key');
    const headers = {...options.headers, ...(key ? {Authorization: 'Bearer ' + key} : {})};
    const response = await fetch(path, {...options, headers});
    const given = response.status === 401 && window.prompt('The key of this server:');
    if (!given) {
      return response;
    }
    sessionStorage.setItem('key', given.trim());
  }
}

async function post(path, body, signal) {
  const response = await call(path, {
    method: 'POST', headers: {'Content-Type': 'application/json'}, signal,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  if (!response.ok) {
    const answer = await response.json().catch(() => null);
    throw new Error(answer && answer.error ? answer.error.message : 'the server answered ' + response.status);
  }
  return response;
}

function say(text, isError = false) {
  $('status').textContent = text;
  $('status').classList.toggle('error', isError);
}

// ---- Writing

const frame = () => new Promise(resolve => document.hidden ? setTimeout(resolve, 50) : requestAnimationFrame(resolve));

/** The data of the server-sent events, as many as came together; they are drawn before too many more are read. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let drawn = performance.now();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) {
      return;
    }
    buffer += value;
    const parts = buffer.split('\n\n');
    buffer = parts.pop();
    yield parts.filter(part => part.startsWith('data: ')).map(part => part.slice(6));
    if (performance.now() - drawn > 15) {
      await frame();
      drawn = performance.now();
    }
  }
}

async function write(goOn) {
  const control = new AbortController();
  running = control;
  setRunning(true);
  say('…');
  try {
    let beginning = null; // the text stays until there is another
    if (!goOn) {
      const answer = await post('v1/tokenize', {prompt: $('prompt').value}, control.signal);
      beginning = (await answer.json()).tokens;
    }
    const body = {
      prompt: (beginning || tokens).map(token => token.id),
      max_tokens: $('max-tokens').valueAsNumber,
      temperature: $('temperature').valueAsNumber,
      top_p: $('top-p').valueAsNumber,
      logprobs: 5,
      stream: true,
    };
    const start = performance.now();
    const response = await post('v1/completions', withSeed(JSON.stringify(body)), control.signal);
    if (beginning) {
      restart(beginning);
    }
    const before = tokens.length;
    let whole = false;
    let reason = null;
    let seed = '';
    let done = '';
    for await (const some of events(response)) {
      const list = $('tokens');
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      for (const data of some) {
        if (data === '[DONE]') {
          whole = true;
        } else {
          reason = take(JSON.parse(data));
          seed = seedOf(data);
        }
      }
      if (atEnd) {
        list.scrollTop = list.scrollHeight;
      }
      const count = tokens.length - before;
      done = count + (count === 1 ? ' token, ' : ' tokens, ')
        + Math.round(count / (performance.now() - start) * 1000) + ' a second, seed ' + seed;
      say(done);
    }
    if (!whole) {
      throw new Error('the server broke off');
    }
    if (reason === 'stop') {
      say(done + '; the model ended the text');
    } else if (tokens.length - before < body.max_tokens) {
      say(done + '; the time was up');
    }
  } catch (e) {
    if (control.signal.aborted) {
      say('Stopped.');
    } else {
      say(e.message, true);
    }
  } finally {
    control.abort(); // after an error the server need not go on
    running = null;
    setRunning(false);
  }
}

/** JavaScript's numbers would round a seed beyond 2^53: it goes and comes as digits. */
function withSeed(json) {
  const seed = $('seed').value.trim();
  if (seed === '') {
    return json;
  }
  if (!/^-?[0-9]+$/.test(seed)) {
    throw new Error('the seed is ' + seed + ' but must be a whole number; leave it out for any');
  }
  return json.slice(0, -1) + ',"seed":' + BigInt(seed) + '}';
}

const seedOf = json => /"seed":(-?[0-9]+)/.exec(json)[1];

/** @return why the text has ended, or null if it has not */
function take(event) {
  if (event.error) {
    throw new Error(event.error.message);
  }
  const {text, logprobs, finish_reason: reason} = event.choices[0];
  const same = logprobs.tokens.join('') === text;
  logprobs.tokens.forEach((token, i) => {
    const id = logprobs.token_ids[i];
    const logp = logprobs.token_logprobs[i];
    const top = logprobs.top_logprobs[i] || {};
    add({
      id,
      // Of tokens that make up a character together, the last shows it.
      text: same || i < logprobs.tokens.length - 1 ? token : text || token,
      // Its name in top, where parts of characters look alike: another's probability tells that it is not there.
      name: token in top && top[token] === logp ? token : 'token_id:' + id,
      p: Math.exp(logp),
      // An object does not keep the order of names that are numbers.
      top: Object.entries(top).sort((a, b) => b[1] - a[1]).map(([name, other]) => [name, Math.exp(other)]),
    });
  });
  return reason;
}

function setRunning(is) {
  $('write').disabled = is;
  $('stop').disabled = !is;
  $('go-on').disabled = is || tokens.length === 0;
  $('copy').disabled = tokens.length === 0;
}

// ---- The text

function restart(beginning) {
  tokens = [];
  selected = -1;
  attention = null;
  pinned = null;
  $('tokens').replaceChildren();
  asked++; // what is still asked about the old text is no longer of interest
  $('choice').hidden = $('attention').hidden = true;
  $('heads').replaceChildren();
  $('attention-text').textContent = '';
  beginning.forEach(add);
  shade();
}

function add(token) {
  const index = tokens.push(token) - 1;
  const given = token.p === undefined;
  const span = element('span', {className: given ? 'token given' : 'token', id: 'token-' + index, tabIndex: index === 0 ? 0 : -1});
  span.setAttribute('role', 'option');
  span.setAttribute('aria-selected', 'false');
  const label = shown(token.text) + (given ? ', given' : ', ' + percent(token.p));
  span.setAttribute('aria-label', label);
  span.title = label;
  for (const part of token.text.split(/(\n)/)) {
    if (part === '\n') {
      span.append(element('span', {className: 'mark'}), '\n');
    } else {
      span.append(part);
    }
  }
  $('tokens').append(span);
  shadeOne(index, span);
}

function weightOf(index) {
  const [layer, head] = pinned;
  const at = index - attention.first;
  const weights = attention.weights[layer][head];
  return at >= 0 && at < weights.length ? weights[at] : undefined;
}

function shadeOne(index, span) {
  const share = pinned ? weightOf(index) : tokens[index].p === undefined ? undefined : 1 - tokens[index].p;
  span.style.backgroundColor = share === undefined ? ''
    : `color-mix(in srgb, var(${pinned ? '--look' : '--surprise'}) ${(75 * Math.sqrt(share)).toFixed(1)}%, transparent)`;
}

function shade() {
  [...$('tokens').children].forEach((span, index) => shadeOne(index, span));
  const name = pinned ? '--look' : '--surprise';
  $('legend').replaceChildren(...(pinned
    ? ['Shaded by what layer ' + (pinned[0] + 1) + ', head ' + (pinned[1] + 1) + ' looks at: none', swatch(name, 0), swatch(name, .5), swatch(name, 1), 'all']
    : ['Shaded by probability: sure', swatch(name, 0), swatch(name, .5), swatch(name, 1), 'surprising']));
  $('unpin').hidden = !pinned;
}

function swatch(name, share) {
  const result = element('span', {className: 'swatch'});
  result.style.backgroundColor = `color-mix(in srgb, var(${name}) ${75 * Math.sqrt(share)}%, transparent)`;
  return result;
}

// ---- One token

function select(index) {
  const list = $('tokens').children;
  if (list[selected]) {
    list[selected].setAttribute('aria-selected', 'false');
    list[selected].tabIndex = -1;
  }
  list[0].tabIndex = -1;
  selected = index;
  list[index].setAttribute('aria-selected', 'true');
  list[index].tabIndex = 0;
  list[index].focus({preventScroll: true});
  list[index].scrollIntoView({block: 'nearest'});
  showChoice();
  showAttention();
}

function showChoice() {
  const token = tokens[selected];
  $('choice').hidden = false;
  $('choice-text').textContent = token.p === undefined
    ? 'This token was given.' : 'What might have come in this place, and how likely the model held it:';
  const rows = token.p === undefined ? [] : token.top.slice();
  if (rows.length && !rows.some(([name]) => name === token.name)) {
    rows.push([token.name, token.p]);
  }
  $('alternatives').replaceChildren(...rows.map(([name, p]) => {
    const chosen = name === token.name;
    const text = chosen ? token.text : name;
    const bar = element('div', {className: 'bar'});
    bar.style.width = (100 * p) + '%';
    const row = element('li', {className: chosen ? 'chosen' : ''},
      element('code', {textContent: shown(text)}), element('div', {}, bar), element('span', {className: 'percent', textContent: percent(p)}));
    row.setAttribute('aria-label', shown(text) + ', ' + percent(p) + (chosen ? ', chosen' : ''));
    return row;
  }));
}

async function showAttention() {
  const number = ++asked;
  const index = selected;
  $('attention').hidden = false;
  $('attention').setAttribute('aria-busy', 'true');
  try {
    const response = await post('v1/attention', {prompt: tokens.slice(0, index + 1).map(token => token.id)});
    const answer = await response.json();
    if (number !== asked) {
      return; // another token has been chosen since
    }
    attention = answer;
    $('attention-text').textContent = 'Where each head looks from “' + shown(tokens[index].text)
      + '” to predict the next token. Bars stand for the tokens up to it; choose a head to see it in the text.';
    $('heads').replaceChildren(...attention.weights.map(layerOf));
    shade();
    markPinned();
  } catch (e) {
    if (number === asked) {
      $('attention-text').textContent = e.message;
      $('heads').replaceChildren();
    }
  } finally {
    if (number === asked) {
      $('attention').setAttribute('aria-busy', 'false');
    }
  }
}

function layerOf(heads, layer) {
  return element('div', {className: 'layer'},
    element('h3', {textContent: 'Layer ' + (layer + 1)}),
    element('div', {}, ...heads.map((weights, head) => headOf(weights, layer, head))));
}

function headOf(weights, layer, head) {
  const most = weights.indexOf(Math.max(...weights));
  const back = weights.length - 1 - most;
  const where = 'most at “' + shown(tokens[attention.first + most].text) + '” ' + percent(weights[most]);
  const button = element('button', {type: 'button', className: 'head'},
    bars(weights), 'Head ' + (head + 1), element('span', {className: 'most', textContent: where}));
  button.dataset.head = layer + '.' + head;
  button.setAttribute('aria-pressed', 'false');
  button.setAttribute('aria-label', 'Layer ' + (layer + 1) + ', head ' + (head + 1) + ': ' + where
    + (back === 0 ? ', itself' : ', ' + back + (back === 1 ? ' token' : ' tokens') + ' before'));
  button.title = button.getAttribute('aria-label');
  button.addEventListener('click', () => {
    pinned = pinned && pinned[0] === layer && pinned[1] === head ? null : [layer, head];
    shade();
    markPinned();
  });
  return button;
}

function bars(weights) {
  const columns = Math.min(weights.length, 64);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 ' + columns + ' 1');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  let d = 'M0 .99h' + columns + 'v.01h-' + columns + 'z';
  for (let column = 0; column < columns; column++) {
    // Of a long context each bar shows the largest of some weights.
    const from = Math.floor(column * weights.length / columns);
    const to = Math.floor((column + 1) * weights.length / columns);
    const height = Math.max(...weights.slice(from, to));
    d += `M${column + .1} 1v${-height}h.8v${height}z`;
  }
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}

function markPinned() {
  for (const button of document.querySelectorAll('.head')) {
    button.setAttribute('aria-pressed', String(pinned !== null && button.dataset.head === pinned.join('.')));
  }
}

// ---- Controls

for (const name of ['temperature', 'top-p']) {
  const show = () => {
    const value = $(name).valueAsNumber;
    $(name + '-value').textContent = name === 'temperature' && value === 0 ? '0, the likeliest' : value.toFixed(2);
  };
  $(name).addEventListener('input', show);
  show();
}

$('form').addEventListener('submit', event => {
  event.preventDefault();
  if (!running) {
    write(false);
  }
});
$('prompt').addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    $('form').requestSubmit();
  }
});
$('go-on').addEventListener('click', () => write(true));
$('copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(tokens.map(token => token.text).join(''));
    say('Copied.');
  } catch (e) {
    say('The browser does not let the page copy: ' + e.message, true);
  }
});
$('prompt').value = localStorage.getItem('draft') || '';
$('prompt').addEventListener('input', () => localStorage.setItem('draft', $('prompt').value));
$('stop').addEventListener('click', () => running && running.abort());
$('unpin').addEventListener('click', () => {
  pinned = null;
  shade();
  markPinned();
});
$('tokens').addEventListener('click', event => {
  const span = event.target.closest('.token');
  if (span) {
    select([...$('tokens').children].indexOf(span));
  }
});
$('tokens').addEventListener('keydown', event => {
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity, Enter: 0, ' ': 0}[event.key];
  if (step !== undefined && tokens.length) {
    event.preventDefault();
    const at = [...$('tokens').children].indexOf(document.activeElement);
    select(Math.max(0, Math.min(tokens.length - 1, (selected < 0 ? at : selected + step))));
  }
});

(async () => {
  try {
    const model = (await (await call('v1/models', {})).json()).data[0];
    const m = model.minigpt;
    $('about').textContent = `${model.id}: ${m.n_layer} layers of ${m.n_head} heads, `
      + `${(m.parameters / 1e6).toPrecision(3)} million parameters, sees ${m.block_size} tokens`;
    document.title = model.id + ' – MiniGPT';
    $('max-tokens').max = m.max_tokens;
    $('max-tokens').value = Math.min($('max-tokens').value, m.max_tokens);
    shade();
  } catch (e) {
    say('The server does not answer: ' + e.message, true);
  }
})();
