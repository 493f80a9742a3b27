/** What goes to the server and comes from it, and what is said about it. */

export const $ = id => document.getElementById(id);

export function element(tag, properties, ...children) {
  const result = Object.assign(document.createElement(tag), properties);
  result.append(...children);
  return result;
}

/** A button by which something else can be done when it is not enabled keeps the focus: it is not disabled. */
export function enable(id, is) {
  $(id).setAttribute('aria-disabled', String(!is));
}

export function onClick(id, action) {
  $(id).addEventListener('click', () => $(id).getAttribute('aria-disabled') !== 'true' && action());
}

/** Kept as far as the browser lets the page keep anything. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
    return true;
  } catch (e) {
    return false;
  }
}

export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch (e) {
    return null;
  }
}

// ---- What is said

/** @param aloud whether screen readers tell it: not what changes with each token */
export function say(text, aloud = true, isError = false) {
  for (const status of document.querySelectorAll('.status')) {
    status.textContent = text;
    status.classList.toggle('error', isError);
  }
  if (aloud) {
    $('announcement').textContent = text;
  }
}

export const complain = e => say(sentence(e), true, true);

/** Browsers have no words of use for a server that is not there. */
export function sentence(e) {
  return e instanceof TypeError || e.name === 'NetworkError'
    ? 'The server can’t be reached: see whether minigpt serve still runs, and try again.' : e.message;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('Copied.');
  } catch (e) {
    say('The browser does not let the page copy: select the text, and copy it from there.', true, true);
  }
}

// ---- Requests

/** Asks for the server's key if it wants one, and keeps it until the window is closed. */
export async function call(path, options = {}) {
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

/** @param body an object, or JSON */
export async function post(path, body, signal) {
  const json = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await call(path, {
    method: 'POST', headers: {'Content-Type': 'application/json'}, signal, body: json,
  });
  if (response.ok) {
    return response;
  }
  const answer = await response.json().catch(() => null);
  const told = answer && answer.error ? answer.error.message : 'The server answered ' + response.status + '.';
  const error = new Error(told);
  error.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  throw error;
}

const MOST_TRIES = 10;

/** Posts again for as long as the server is busy and says when, and tells meanwhile how many are before this one. */
export async function postPatiently(path, body, signal) {
  for (let tries = 1; ; tries++) {
    const waiting = setInterval(tellQueue, 1000);
    try {
      return await post(path, body, signal);
    } catch (e) {
      if (!e.retryAfter || tries === MOST_TRIES) {
        throw e;
      }
      say('The server has its hands full; again in ' + e.retryAfter + ' s, unless it is stopped.', tries === 1);
      await pause(e.retryAfter * 1000, signal);
    } finally {
      clearInterval(waiting);
    }
  }
}

async function tellQueue() {
  const health = await (await fetch('health')).json().catch(() => null);
  if (health && health.waiting > 0) {
    say('Waiting for a turn: ' + health.generating + ' at work, ' + health.waiting + ' waiting', false);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

const frame = () => new Promise(resolve => document.hidden ? setTimeout(resolve, 50) : requestAnimationFrame(resolve));

/** The data of the server-sent events, as many as came together; they are drawn before too many more are read. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let drawn = performance.now();
  let pace = 15; // ms
  let whole = false;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) {
      if (!whole) {
        throw new Error('The server broke off: see whether minigpt serve still runs, and go on.');
      }
      return;
    }
    buffer += value;
    const parts = buffer.split('\n\n');
    buffer = parts.pop();
    const some = parts.filter(part => part.startsWith('data: ')).map(part => part.slice(6));
    whole = whole || some.includes('[DONE]');
    yield some.filter(data => data !== '[DONE]');
    const now = performance.now();
    if (now - drawn > pace) {
      await frame();
      drawn = performance.now();
      pace = Math.max(15, 3 * (drawn - now)); // a long text takes its time to be laid out
    }
  }
}

/** One generation at a time, of whichever view. */
let running = null; // an AbortController

export const busy = () => running !== null;

export function stop() {
  if (running) {
    running.abort();
  }
}

function setRunning(is) {
  document.body.classList.toggle('running', is);
  ['stop', 'chat-stop'].forEach(id => enable(id, is));
}

/** @param action of an AbortSignal; what it throws is told */
export async function run(action) {
  const control = new AbortController();
  running = control;
  setRunning(true);
  say('Writing …');
  try {
    await action(control.signal);
  } catch (e) {
    if (control.signal.aborted) {
      say('Stopped.');
    } else {
      complain(e);
    }
  } finally {
    control.abort(); // after an error the server need not go on
    running = null;
    setRunning(false);
  }
}

/** JavaScript's numbers would round a seed beyond 2^53: it goes and comes as digits. */
export const seedOf = json => (/"seed":(-?[0-9]+)/.exec(json) || [])[1];
