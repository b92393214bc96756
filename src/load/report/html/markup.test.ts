import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText, html, jsonForScript, trusted } from './markup.ts';

test('what is put into a template becomes text, in content and in attributes', () => {
  const harm = `<img src=x onerror="a('b')">&`;
  assert.equal(
    html`<p title="${harm}">${harm}</p>`.text,
    '<p title="&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;</p>',
  );
});

test('markup inside of markup stays markup; nothing is left of undefined and false', () => {
  const rows = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
  assert.equal(html`<ul>${rows}${undefined}${false}${0}</ul>`.text, '<ul><li>a</li><li>&lt;b&gt;</li>0</ul>');
  assert.equal(html`${trusted('<hr>')}`.text, '<hr>');
});

test('characters that hide or turn text are shown as such', () => {
  assert.equal(escapeText('a\u202egpj.exe\u0000\u0085b\n'), 'a\ufffdgpj.exe\ufffd\ufffdb\n');
});

test('JSON in a script element cannot end it, and reads back as it was', () => {
  const value = { '</script>': ['<!--', '\u2028', '</SCRIPT '] };
  const { text } = jsonForScript(value);
  assert.doesNotMatch(text, /</);
  assert.deepEqual(JSON.parse(text), value);
});

test('no text at all gets out of an attribute', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.doesNotMatch(escapeText(text), /[<>"']/);
    }),
  );
});
