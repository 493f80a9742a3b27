/** Where the model looks from the chosen token: every head at a glance, one in detail, and its whole matrix. */

import {$, element, post, sentence} from './api.js';
import {percent, shade, shown} from './text.js';

const PAUSE = 120; // ms, in which arrow keys may choose the next token already

let attention = null; // {first, position, weights[layer][head][token]}
let context = []; // the tokens that it was asked about
let head = [0, 0]; // [layer, head] that is shown in detail
let pinned = false; // whether the text is shaded by it
let request = null; // an AbortController
let matrixRequest = null;

/** @return {first, layer, head, weights} if the text is to be shaded by a head */
export function pinnedWeights() {
  return pinned && attention
    ? {first: attention.first, layer: head[0], head: head[1], weights: attention.weights[head[0]][head[1]]} : null;
}

export function clearAttention() {
  attention = null;
  pinned = false;
  [request, matrixRequest].forEach(one => one && one.abort());
  $('attention').hidden = true;
  $('map').replaceChildren();
  $('attention-text').textContent = '';
}

export async function showAttention(tokens) {
  [request, matrixRequest].forEach(one => one && one.abort());
  const control = new AbortController();
  request = control;
  $('attention').hidden = false;
  $('attention').setAttribute('aria-busy', 'true');
  try {
    await new Promise(resolve => setTimeout(resolve, PAUSE));
    if (control.signal.aborted) {
      return;
    }
    const response = await post('v1/attention', {prompt: tokens.map(token => token.id)}, control.signal);
    const answer = await response.json();
    attention = answer;
    context = tokens;
    $('attention-text').textContent = 'Where each head looks from “' + shown(tokens.at(-1).text)
      + '” to predict the next token. The stronger a square, the more its head looks at one token alone:'
      + ' the strongest by ' + percent(drawMap()) + '.';
    choose(...head, pinned);
  } catch (e) {
    if (!control.signal.aborted) {
      $('attention-text').textContent = sentence(e);
      $('map').replaceChildren();
      $('head').hidden = true;
    }
  } finally {
    if (request === control) {
      $('attention').setAttribute('aria-busy', 'false');
    }
  }
}

/** @return the largest weight of all heads */
function drawMap() {
  const {weights} = attention;
  const largest = Math.max(...weights.flat().map(one => Math.max(...one)));
  head = [Math.min(head[0], weights.length - 1), Math.min(head[1], weights[0].length - 1)];
  const columns = element('div', {className: 'row', ariaHidden: 'true'},
    element('span', {className: 'name', textContent: 'Head'}),
    ...weights[0].map((_, i) => element('span', {className: 'column', textContent: i + 1})));
  $('map').replaceChildren(columns, ...weights.map((heads, layer) => element('div', {className: 'row'},
    element('span', {className: 'name', textContent: 'Layer ' + (layer + 1)}),
    ...heads.map((_, i) => square(layer, i, largest)))));
  return largest;
}

function square(layer, i, largest) {
  const weights = attention.weights[layer][i];
  const button = element('button', {type: 'button', className: 'square', tabIndex: -1});
  button.style.setProperty('--share', (100 * Math.max(...weights) / largest).toFixed(0) + '%');
  button.dataset.head = layer + '.' + i;
  button.setAttribute('aria-label', 'Layer ' + (layer + 1) + ', head ' + (i + 1) + ': ' + where(weights));
  button.title = button.getAttribute('aria-label');
  return button;
}

function where(weights) {
  const most = weights.indexOf(Math.max(...weights));
  const back = weights.length - 1 - most;
  return 'most at “' + shown(tokenAt(most).text) + '”, '
    + (back === 0 ? 'itself' : back + (back === 1 ? ' token' : ' tokens') + ' before') + ', ' + percent(weights[most]);
}

const tokenAt = i => context[attention.first + i];

function choose(layer, i, pin) {
  head = [layer, i];
  pinned = pin;
  for (const button of $('map').querySelectorAll('.square')) {
    const is = button.dataset.head === head.join('.');
    button.setAttribute('aria-pressed', String(is && pinned));
    button.classList.toggle('shown', is);
    button.tabIndex = is ? 0 : -1;
  }
  const weights = attention.weights[layer][i];
  $('head').hidden = false;
  $('head-name').textContent = 'Layer ' + (layer + 1) + ', head ' + (i + 1);
  $('head-text').textContent = where(weights);
  $('bars').replaceChildren(...bars(weights));
  clearMatrix();
  shade();
}

/** As high as the largest is, each; of a long context, each is the largest of some. */
function bars(weights) {
  const most = Math.max(...weights);
  const columns = Math.min(weights.length, 96);
  return Array.from({length: columns}, (_, column) => {
    const from = Math.floor(column * weights.length / columns);
    const to = Math.max(from + 1, Math.floor((column + 1) * weights.length / columns));
    const some = weights.slice(from, to);
    const at = from + some.indexOf(Math.max(...some));
    const title = '“' + shown(tokenAt(at).text) + '” ' + percent(weights[at]);
    const bar = element('span', {title}, element('span', {}));
    bar.firstChild.style.height = (100 * weights[at] / most) + '%';
    return bar;
  });
}

// ---- The matrix of one head

function clearMatrix() {
  if (matrixRequest) {
    matrixRequest.abort();
  }
  $('matrix').hidden = true;
}

async function showMatrix() {
  clearMatrix();
  matrixRequest = new AbortController();
  const {signal} = matrixRequest;
  try {
    const response = await post('v1/attention',
      {prompt: context.map(token => token.id), layer: head[0], head: head[1]}, signal);
    const {first, matrix} = await response.json();
    drawMatrix(matrix, i => context[first + i]);
  } catch (e) {
    if (!signal.aborted) {
      $('head-text').textContent = sentence(e);
    }
  }
}

function drawMatrix(matrix, token) {
  const size = matrix.length;
  const canvas = $('matrix-picture');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d');
  const picture = pen.createImageData(size, size);
  const [red, green, blue] = getComputedStyle($('matrix')).getPropertyValue('--look-rgb').split(' ').map(Number);
  matrix.forEach((row, t) => row.forEach((weight, s) =>
    // Square roots, so that small weights are seen beside the first token's, which is often nearly 1.
    picture.data.set([red, green, blue, 255 * Math.sqrt(weight)], 4 * (t * size + s))));
  pen.putImageData(picture, 0, 0);
  $('matrix').hidden = false;
  const start = 'Each row is a token, and each column one that it looks at, from first to last. Point to a place.';
  $('matrix-text').textContent = start;
  canvas.onpointermove = event => {
    const box = canvas.getBoundingClientRect();
    const t = Math.min(size - 1, Math.floor((event.clientY - box.top) / box.height * size));
    const s = Math.min(size - 1, Math.floor((event.clientX - box.left) / box.width * size));
    $('matrix-text').textContent = t < 0 || s < 0 || s > t ? start
      : '“' + shown(token(t).text) + '” looks at “' + shown(token(s).text) + '”: ' + percent(matrix[t][s]);
  };
}

export function start() {
  $('map').addEventListener('click', event => {
    const button = event.target.closest('.square');
    if (button) {
      const [layer, i] = button.dataset.head.split('.').map(Number);
      choose(layer, i, !(pinned && head[0] === layer && head[1] === i));
    }
  });
  $('map').addEventListener('keydown', event => {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (step) {
      event.preventDefault();
      const to = [head[0] + step[0], head[1] + step[1]];
      if (attention.weights[to[0]] && attention.weights[to[0]][to[1]]) {
        choose(...to, pinned);
        $('map').querySelector('.shown').focus();
      }
    }
  });
  $('show-matrix').addEventListener('click', () => $('matrix').hidden ? showMatrix() : clearMatrix());
  $('unpin').addEventListener('click', () => {
    pinned = false;
    choose(...head, false);
    $('tokens').querySelector('[tabindex="0"]').focus({preventScroll: true});
  });
}
