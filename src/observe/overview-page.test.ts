import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { OVERVIEW_PAGE, OVERVIEW_SCRIPT, OVERVIEW_STYLE } from './overview-page.ts';

test('the script is JavaScript, and neither it nor the style can end its own element', () => {
  new Script(OVERVIEW_SCRIPT);
  assert.ok(!/<\/(script|style)/i.test(OVERVIEW_SCRIPT + OVERVIEW_STYLE));
  assert.ok(OVERVIEW_PAGE.includes(`<script>${OVERVIEW_SCRIPT}</script>`));
  assert.ok(OVERVIEW_PAGE.includes(`<style>${OVERVIEW_STYLE}</style>`));
});

test('nothing that came from a client is put in as markup, and nothing comes from another host', () => {
  assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/.test(OVERVIEW_SCRIPT));
  assert.ok(!/https?:\/\//.test(OVERVIEW_PAGE));
});

test('every element that the script asks for is in the page', () => {
  const ids = [...OVERVIEW_SCRIPT.matchAll(/\b(?:at|say|fill)\('([\w-]+)'/g)].map((match) => match[1]!);
  assert.ok(ids.length > 10);
  for (const id of ids) assert.ok(OVERVIEW_PAGE.includes(`id="${id}"`), id);
});
