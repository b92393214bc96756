/** A folder as it is shown: in which order, as a page or as JSON, with the way to the root. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDisk } from './disk.ts';
import { createFilesHandler } from './handler.ts';
import { prefersJson } from './listing-json.ts';
import { orderOf, queryFor } from './listing-order.ts';
import type { FilesOptions } from './options.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-listing-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'sub & more', 'deep'), { recursive: true });
for (const [name, bytes, second] of [
  ['a.txt', 300, 3e8],
  ['b.txt', 100, 9e8],
  ['c.txt', 200, 6e8],
] as const) {
  // biome-ignore format: a table
  writeFileSync(join(root, name), '');
  truncateSync(join(root, name), bytes);
  utimesSync(join(root, name), second, second);
}
for (const name of ['y', 'z']) mkdirSync(join(root, name));
utimesSync(join(root, 'y'), 5e8, 5e8);
utimesSync(join(root, 'z'), 4e8, 4e8);
utimesSync(join(root, 'sub & more'), 1e8, 1e8);

async function ask(url: string, headers: Record<string, string> = {}, options: FilesOptions = {}) {
  const handler = createFilesHandler(openDisk(root), { listing: true, ...options });
  return handler({ method: 'GET', url, headers: new Headers(headers) });
}

const namesIn = (page: string) =>
  [...page.matchAll(/href="\.\/([^"]*)"/g)].map((match) => decodeURIComponent(match[1]!));

const ORDERS: [string, string][] = [
  ['', 'sub & more/ y/ z/ a.txt b.txt c.txt'],
  ['?sort=name&order=desc', 'z/ y/ sub & more/ c.txt b.txt a.txt'],
  ['?sort=size', 'sub & more/ y/ z/ a.txt c.txt b.txt'],
  ['?sort=size&order=asc', 'sub & more/ y/ z/ b.txt c.txt a.txt'],
  ['?sort=time', 'y/ z/ sub & more/ b.txt c.txt a.txt'],
  ['?sort=time&order=asc', 'sub & more/ z/ y/ a.txt c.txt b.txt'],
  ['?sort=colour&order=up', 'sub & more/ y/ z/ a.txt b.txt c.txt'],
];

test('a folder is shown by name, size or time, either way, its folders first', async () => {
  for (const [query, wanted] of ORDERS) {
    const page = await (await ask(`/${query}`)).text();
    assert.equal(namesIn(page).join(' '), wanted, query);
    const json = await (await ask(`/${query}`, { accept: 'application/json' })).json();
    const shown = json.entries.map((each: { name: string; type: string }) =>
      each.type === 'folder' ? `${each.name}/` : each.name,
    );
    assert.equal(shown.join(' '), wanted, query);
  }
});

test('the head of a column says how the page is sorted, and leads to the other way', async () => {
  const page = await (await ask('/?sort=size')).text();
  assert.match(
    page,
    /<th scope="col" class="n" aria-sort="descending"><a href="\?sort=size&amp;order=asc">Size ↓</,
  );
  assert.match(page, /<th scope="col"><a href="\?sort=name&amp;order=asc">Name</);
  assert.equal(queryFor('size', orderOf('')), '?sort=size&order=desc');
  assert.equal(queryFor('name', orderOf('')), '?sort=name&order=desc');
  assert.deepEqual(orderOf(queryFor('time', orderOf('?sort=time'))), { by: 'time', descending: false });
});

test('the way to the root is made of links that a prefix does not break', async () => {
  const page = await (await ask('/files/sub%20%26%20more/deep/', {}, { basePath: '/files' })).text();
  const [, heading] = /<h1>(.*)<\/h1>/.exec(page)!;
  const links = [...heading!.matchAll(/href="([^"]*)"/g)].map(
    (match) => new URL(match[1]!, 'http://a/files/sub%20%26%20more/deep/').pathname,
  );
  assert.deepEqual(links, ['/files/', '/files/sub%20%26%20more/']);
  assert.match(heading!, /sub &amp; more/);
  assert.match(await (await ask('/')).text(), /<h1>Index of \/<\/h1>/);
});

test('JSON tells exact sizes and times, and a folder of a hundred and of a thousand files the same way', async () => {
  const response = await ask('/', { accept: 'application/json' });
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(response.headers.get('vary'), 'accept');
  const { path, entries, truncated } = await response.json();
  assert.equal(path, '/');
  assert.equal(truncated, false);
  assert.deepEqual(entries[3], {
    name: 'a.txt',
    type: 'file',
    href: './a.txt',
    size: 300,
    modified: '1979-07-05T05:20:00.000Z',
  });
  assert.deepEqual(entries[0].href, './sub%20%26%20more/');
  mkdirSync(join(root, 'many'));
  for (let i = 0; i < 1000; i++) writeFileSync(join(root, 'many', `f${i}`), 'x'.repeat(i % 7));
  for (const query of ['', '?sort=size&order=asc']) {
    const many = await (await ask(`/many/${query}`, { accept: 'application/json' })).json();
    assert.equal(new Set(many.entries.map(({ name }: { name: string }) => name)).size, 1000);
    if (query === '') continue;
    const sizes = many.entries.map(({ size }: { size: number }) => size);
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => a - b),
    );
  }
  rmSync(join(root, 'many'), { recursive: true });
  assert.deepEqual(await (await ask('/y/', { accept: 'application/json' })).json(), {
    path: '/y/',
    entries: [],
    truncated: false,
  });
});

test('JSON is for those who ask for it by name', () => {
  for (const accept of ['application/json', 'application/json, */*', 'text/html;q=0.5, application/json', 'Application/JSON;charset=utf-8'])
    assert.ok(prefersJson(accept), accept); // biome-ignore format: a list
  for (const accept of [null, '', '*/*', 'text/html', 'text/html, application/json', 'application/json;q=0.1, text/html', 'application/json;q=0', 'application/jsonp'])
    assert.ok(!prefersJson(accept), String(accept)); // biome-ignore format: a list
});

test('names with a dot are listed where they are served', async () => {
  writeFileSync(join(root, '.env'), '');
  assert.ok(!(await (await ask('/')).text()).includes('.env'));
  const handler = createFilesHandler(openDisk(root, { dotfiles: true }), { listing: true, dotfiles: true });
  const page = await (await handler({ method: 'GET', url: '/', headers: new Headers() })).text();
  assert.ok(namesIn(page).includes('.env'));
  rmSync(join(root, '.env'));
});
