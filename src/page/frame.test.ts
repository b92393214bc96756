import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderPage } from './frame.ts';
import { PAGE_STYLE } from './style.ts';

const page = renderPage('"use strict";', PAGE_STYLE);
const sources = readdirSync('src/page')
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => readFileSync(`src/page/${file}`, 'utf8'))
  .join('\n');

test('every element that the script asks for is in the page', () => {
  const ids = [...sources.matchAll(/\b(?:at|sayAt|showIf)\('([\w-]+)'/g)].map((match) => match[1]!);
  assert.ok(ids.length > 25, `${ids.length} ids`);
  for (const id of ids) assert.ok(page.includes(`id="${id}"`), id);
});

test('no element has the name of another, and every label names one', () => {
  const ids = [...page.matchAll(/\bid="([^"]+)"/g)].map((match) => match[1]!);
  assert.deepEqual(ids, [...new Set(ids)]);
  const named = [...page.matchAll(/\b(?:aria-labelledby|aria-describedby|for)="([^"]+)"/g)].map(
    (match) => match[1]!,
  );
  assert.ok(named.length > 10);
  for (const id of named) assert.ok(ids.includes(id), id);
});

test('nothing that came from a client is put in as markup, and nothing comes from another host', () => {
  assert.doesNotMatch(sources, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/);
  assert.doesNotMatch(page, /https?:\/\/|@import|url\(/);
});

test('a script or a style sheet that would end its element is refused', () => {
  assert.throws(() => renderPage('"</script>"', ''), /would end/);
  assert.throws(() => renderPage('', '</STYLE>'), /would end/);
});

test('words have the contrast that they need, in both lights', () => {
  const [light, dark] = PAGE_STYLE.split('@media (prefers-color-scheme: dark)');
  for (const text of [light!, dark!.slice(0, dark!.indexOf('\n*'))]) {
    const colour = (name: string): number => luminance(new RegExp(`--${name}: (#[0-9a-f]+)`).exec(text)![1]!);
    const least = (name: string, on: string, ratio: number): void => {
      const [a, b] = [colour(name), colour(on)].sort((x, y) => y - x) as [number, number];
      assert.ok(
        (a + 0.05) / (b + 0.05) >= ratio,
        `${name} on ${on}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`,
      );
    };
    for (const name of ['text', 'dim', 'accent', 'good', 'slow', 'bad'])
      for (const on of ['card', 'page']) least(name, on, 4.5);
    least('slow', 'slow-back', 4.5);
    least('text', 'bad-back', 4.5);
    least('text', 'chip', 4.5);
    for (const name of ['s0', 's1', 's2', 'field']) least(name, 'card', 3);
  }
});

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1);
  const [r, g, b] = [0, 2, 4].map((at) => {
    const value = Number.parseInt(full.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
