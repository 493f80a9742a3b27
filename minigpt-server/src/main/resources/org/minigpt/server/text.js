/** The text as tokens, each shaded, and what is told of the one that is chosen. */

import {$, element} from './api.js';
import {clearAttention, pinnedWeights, showAttention} from './attention.js';

/** {id, text, name, p, top: [[name, p, id], ...]} for each token; p is undefined for those of the beginning. */
export let tokens = [];
export let selected = -1;

let onBranch = () => {};
let atEnd = true; // whether the end of the text is in view, and stays so
let scrolling = false;

const spans = () => $('tokens').querySelectorAll('.token');
const spanAt = index => $('token-' + index);
const indexOf = span => Number(span.id.slice('token-'.length));

/** On one line. */
export const percent = p => (p >= 0.9995 ? '100' : p < 0.0005 ? '<\u00A00.1' : (100 * p).toFixed(1)) + '\u00A0%';
export const shown = text => text.replace(/\n/g, '↵').replace(/\r/g, '␍').replace(/\t/g, '⇥')
  .replace(/^ +| +$/g, s => '·'.repeat(s.length)) || '∅';
export const wholeText = () => tokens.map(token => token.text).join('');

/** By -ln p: what was likelier than 70 %, 37 %, 14 %, 2 %, and the rest. */
const surprise = p => [0.35, 1, 2, 4].filter(bound => -Math.log(p) > bound).length;
/** By the share of the largest weight. */
const look = share => [0.05, 0.2, 0.45, 0.75].filter(bound => share > bound).length;

const labelOf = token => shown(token.text) + (token.p === undefined ? ', given' : ', ' + percent(token.p));

function spanOf(token, index) {
  const span = element('span', {
    className: token.p === undefined ? 'token given' : 'token s' + surprise(token.p),
    id: 'token-' + index, tabIndex: index === 0 ? 0 : -1,
  });
  span.setAttribute('role', 'option');
  span.setAttribute('aria-selected', 'false');
  span.setAttribute('aria-label', labelOf(token));
  if (token.text.includes('\n')) {
    for (const part of token.text.split(/(\n)/)) {
      span.append(...(part === '\n' ? [element('span', {className: 'mark'}), '\n'] : [part]));
    }
  } else {
    span.textContent = token.text;
  }
  return span;
}

/** Adds tokens at the end: each line of text is a block of its own, so that but the last is laid out anew. */
export function add(some) {
  let line = $('tokens').lastElementChild;
  for (const token of some) {
    if (!line || tokens.length > 0 && tokens.at(-1).text.endsWith('\n')) {
      line = element('div', {className: 'line', role: 'none'});
      $('tokens').append(line);
    }
    line.append(spanOf(token, tokens.push(token) - 1));
  }
  if (atEnd && !scrolling) {
    scrolling = true;
    requestAnimationFrame(() => {
      scrolling = false;
      $('tokens').scrollTop = $('tokens').scrollHeight;
    });
  }
}

/** Lets the last token have some more text. */
export function extend(more) {
  if (more !== '' && tokens.length > 0) {
    tokens.at(-1).text += more;
    spanAt(tokens.length - 1).append(more);
  }
}

/** Puts another text in the place of this. */
export function replace(others) {
  tokens = [];
  selected = -1;
  $('tokens').replaceChildren();
  $('choice').hidden = true;
  clearAttention();
  add(others);
  shade();
}

/** Colours each token by its surprise, or by what the chosen head looks at. */
export function shade() {
  const pinned = pinnedWeights();
  const most = pinned && Math.max(...pinned.weights);
  let index = 0;
  for (const span of spans()) {
    const token = tokens[index];
    const weight = pinned ? pinned.weights[index - pinned.first] : undefined;
    const step = pinned ? (weight === undefined ? '' : ' l' + look(weight / most))
      : token.p === undefined ? '' : ' s' + surprise(token.p);
    const name = (token.p === undefined ? 'token given' : 'token') + step;
    if (span.className !== name) {
      span.className = name;
    }
    index++;
  }
  const kind = pinned ? 'l' : 's';
  const swatches = [0, 1, 2, 3, 4].map(step => element('span', {className: 'swatch ' + kind + step}));
  $('legend').replaceChildren(...(pinned
    ? ['Shaded by what layer ' + (pinned.layer + 1) + ', head ' + (pinned.head + 1) + ' looks at: nothing', ...swatches,
      'most, ' + percent(most)]
    : ['Shaded by probability: above 70 %', ...swatches, 'below 2 %']));
  $('unpin').hidden = !pinned;
}

/** Chooses a token. @param near whether what is told of it comes into view, too: not while one goes on by keys */
export function select(index, near) {
  const before = spanAt(Math.max(0, selected));
  before.setAttribute('aria-selected', 'false');
  before.tabIndex = -1;
  selected = index;
  const span = spanAt(index);
  span.setAttribute('aria-selected', 'true');
  span.tabIndex = 0;
  span.focus({preventScroll: true});
  span.scrollIntoView({block: 'nearest'});
  showChoice();
  showAttention(tokens.slice(0, index + 1));
  if (near) {
    $('choice').scrollIntoView({block: 'nearest'});
  }
}

function showChoice() {
  const token = tokens[selected];
  const given = token.p === undefined;
  $('choice').hidden = false;
  $('choice-text').textContent = given ? 'This token was given.'
    : 'What might have come in this place, and how likely the model held it. Choose one to go on from there.';
  const rows = given ? [] : token.top.slice();
  if (!given && !rows.some(([name]) => name === token.name)) {
    rows.push([token.name, token.p, token.id]);
  }
  $('alternatives').replaceChildren(...rows.map(row => element('li', {}, alternative(token, row))));
}

function alternative(token, [name, p, id]) {
  const chosen = name === token.name;
  const text = chosen ? token.text : name;
  const bar = element('span', {className: 'bar'});
  bar.style.width = (100 * p) + '%';
  const button = element('button', {type: 'button', className: chosen ? 'chosen' : ''},
    element('code', {textContent: shown(text)}), element('span', {}, bar),
    element('span', {className: 'percent', textContent: percent(p)}));
  button.setAttribute('aria-label', shown(text) + ' ' + percent(p) + (chosen ? ', chosen' : ', go on with it'));
  if (chosen || id === undefined) {
    button.setAttribute('aria-disabled', 'true');
  } else {
    const at = selected;
    button.addEventListener('click', () => onBranch(at, {...token, id, name, text, p}));
  }
  return button;
}

/** @param branch is given the place of a token, and another to go on from there with */
export function start(branch) {
  onBranch = branch;
  $('tokens').addEventListener('scroll', () => {
    const {scrollHeight, scrollTop, clientHeight} = $('tokens');
    atEnd = scrollHeight - scrollTop - clientHeight < 40;
  });
  $('tokens').addEventListener('click', event => {
    const span = event.target.closest('.token');
    if (span) {
      select(indexOf(span), true);
    }
  });
  $('tokens').addEventListener('keydown', event => {
    const step = {
      ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity, Enter: 0, ' ': 0,
    }[event.key];
    if (step !== undefined && tokens.length) {
      event.preventDefault();
      const to = selected < 0 ? indexOf(document.activeElement) : selected + step;
      select(Math.max(0, Math.min(tokens.length - 1, to)), false);
    }
  });
  shade();
}
