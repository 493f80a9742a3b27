/** The present request as code that makes it. */

import {$, complain, copy} from './api.js';

/** What OpenAI's client for Python knows no names for. */
const OTHERS = ['top_k'];

/** A seed may be larger than JavaScript's numbers hold exactly: it is kept as digits between marks. */
const marked = json => JSON.parse(json.replace(/"seed":(-?\d+)/, '"seed":"#$1#"'));
const unmarked = text => text.replace(/"#(-?\d+)#"/, '$1');
const indented = body => unmarked(JSON.stringify(body, null, 4));

function python(address, path, body) {
  const named = Object.entries(body).filter(([name]) => !OTHERS.includes(name));
  const others = Object.entries(body).filter(([name]) => OTHERS.includes(name));
  const lines = [
    'model=client.models.list().data[0].id',
    ...named.map(([name, value]) => name + '=' + unmarked(JSON.stringify(value))),
    ...(others.length ? ['extra_body=' + JSON.stringify(Object.fromEntries(others))] : []),
  ];
  const [call, answer] = path.includes('chat') ? ['chat.completions', 'message.content'] : ['completions', 'text'];
  return `from openai import OpenAI

client = OpenAI(base_url="${address}v1", api_key="none")
answer = client.${call}.create(
${lines.map(line => '    ' + line + ',\n').join('')})
print(answer.choices[0].${answer})`;
}

const curl = (address, path, body) => `curl ${address}${path} -H 'Content-Type: application/json' \\
    -d '${indented(body).replaceAll("'", "'\\''")}'`;

const javaScript = (address, path, body) => `const response = await fetch('${address}${path}', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: ${JSON.stringify(unmarked(JSON.stringify(body)))},
});
console.log((await response.json()).choices[0]);`;

const LANGUAGES = {'curl': curl, 'Python': python, 'JavaScript': javaScript};

/** @param current gives {path, body} of the view that is shown */
export function start(current) {
  const show = () => {
    const {path, body} = current();
    const address = new URL('.', location.href).href;
    $('code-text').textContent = LANGUAGES[$('language').value](address, path, marked(body));
  };
  $('language').append(...Object.keys(LANGUAGES).map(name => new Option(name)));
  $('language').addEventListener('change', show);
  document.querySelectorAll('.view-code').forEach(button => button.addEventListener('click', () => {
    try {
      show();
      $('code').showModal();
    } catch (e) {
      complain(e);
    }
  }));
  $('code-copy').addEventListener('click', () => copy($('code-text').textContent));
  $('code-close').addEventListener('click', () => $('code').close());
}
