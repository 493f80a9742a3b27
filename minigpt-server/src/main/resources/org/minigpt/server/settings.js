/** How tokens are chosen, for both views. */

import {$, element, keep, kept} from './api.js';

const NEUTRAL = {'temperature': 1, 'top-p': 1, 'top-k': 0, 'presence': 0, 'frequency': 0};

/** Temperature, top-p, top-k and penalties. */
const PRESETS = {
  'Balanced': {temperature: 0.8},
  'As the lecture': {temperature: 1},
  'Likeliest': {temperature: 0},
  'Careful': {temperature: 0.6, 'top-p': 0.9, 'top-k': 40},
  'Daring': {temperature: 1.2, 'top-p': 0.95},
  'Without repeating': {temperature: 0.8, 'presence': 0.5, 'frequency': 0.5},
};

/** @return whether all is as it must be; what is not, the browser tells */
export const valid = () => {
  if (!$('settings').checkValidity()) {
    $('settings-box').open = true; // what is wrong must be seen
  }
  return $('settings').reportValidity();
};

/** @return the parameters of a request, without those that change nothing */
export function parameters() {
  const body = {temperature: $('temperature').valueAsNumber};
  const add = (id, name, neutral) => {
    const value = $(id).valueAsNumber;
    if (value !== neutral && !Number.isNaN(value)) {
      body[name] = value;
    }
  };
  add('top-p', 'top_p', 1);
  add('top-k', 'top_k', 0);
  add('presence', 'presence_penalty', 0);
  add('frequency', 'frequency_penalty', 0);
  const stops = $('stops').value.split('\n').filter(line => line !== '').map(line => line.replace(/\\n/g, '\n'));
  if (stops.length) {
    body.stop = stops;
  }
  return body;
}

export const maxTokens = () => $('max-tokens').valueAsNumber;

/** @return a request as JSON, with the seed that was given; a number of JavaScript's would round it */
export function withSeed(body, another = false) {
  const json = JSON.stringify(body);
  const seed = $('seed').value.trim();
  return seed === '' || another ? json : json.slice(0, -1) + ',"seed":' + BigInt(seed) + '}';
}

function show() {
  for (const id of ['temperature', 'top-p', 'presence', 'frequency']) {
    const value = $(id).valueAsNumber;
    $(id + '-value').textContent = id === 'temperature' && value === 0 ? '0, the likeliest' : value.toFixed(2);
  }
  const found = Object.entries(PRESETS).find(([, preset]) =>
    Object.keys(NEUTRAL).every(id => ($(id).valueAsNumber || 0) === (preset[id] ?? NEUTRAL[id])));
  $('preset').value = found ? found[0] : '';
  keep('settings', JSON.stringify(Object.fromEntries(fields().map(field => [field.id, field.value]))));
}

const fields = () => [...$('settings').elements].filter(field => field.id && field.id !== 'preset');

/** @param most max_tokens of the server */
export function start(most) {
  $('preset').append(element('option', {value: '', textContent: 'My own'}),
    ...Object.keys(PRESETS).map(name => element('option', {value: name, textContent: name})));
  $('max-tokens').max = most;
  const before = JSON.parse(kept('settings') || '{}');
  fields().filter(field => field.id in before).forEach(field => field.value = before[field.id]);
  $('max-tokens').value = Math.min($('max-tokens').value || 200, most);
  $('preset').addEventListener('change', () => {
    const preset = PRESETS[$('preset').value];
    if (preset) {
      Object.entries({...NEUTRAL, ...preset}).forEach(([id, value]) => $(id).value = value);
    }
    show();
  });
  $('settings').addEventListener('input', event => event.target.id !== 'preset' && show());
  $('settings').addEventListener('submit', event => event.preventDefault());
  $('settings-box').open = window.matchMedia('(min-width: 60rem)').matches;
  show();
}
