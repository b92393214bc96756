import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readAppList } from './app-list.ts';

test('a list says of each application where its module and its paths are', () => {
  const text = `
apps:
  - { name: shop, module: shop.mjs, path: /goods, upstream: [DATABASE_URL, REDIS_URL] }
  - name: site
    module: ../site.mjs
    large-path: /large
    openapi: site.yaml
    behind: { module: shop.mjs, variable: UPSTREAM }`;
  const [shop, site] = readAppList(text, '/srv/apps');
  assert.deepEqual(
    [shop!.module, shop!.paths.small, shop!.paths.large],
    ['/srv/apps/shop.mjs', '/goods', undefined],
  );
  assert.deepEqual(shop!.upstreams, ['DATABASE_URL', 'REDIS_URL']);
  assert.deepEqual([site!.module, site!.paths.small, site!.paths.large], ['/srv/site.mjs', '/', '/large']);
  assert.deepEqual(
    [site!.openapi, site!.behind],
    ['/srv/apps/site.yaml', { module: '/srv/apps/shop.mjs', variable: 'UPSTREAM' }],
  );
});

test('the list of the reference applications can be read', () => {
  const apps = readAppList(readFileSync('examples/apps/matrix.yaml', 'utf8'), 'examples/apps');
  assert.ok(apps.length >= 10 && apps.some(({ behind }) => behind !== undefined));
});

const REFUSED: readonly (readonly [text: string, words: RegExp])[] = [
  ['', /it has no list "apps"/],
  ['apps: [', /it is no YAML \(Flow sequence .* at line 1, column 8\)/],
  ['apps: [{ module: a.mjs }]', /^application 1: name is missing/],
  ['apps: [{ name: a }]', /^a: module is no path/],
  ['apps: [{ name: a, module: a.mjs, paht: / }]', /^a: paht is none of name, module, /],
  ['apps: [{ name: a, module: a.mjs, path: goods }]', /^a: path is no path that begins with \//],
  ['apps: [{ name: a, module: a.mjs, upstream: A-B }]', /^a: A-B is no name of an environment variable/],
  ['apps: [{ name: a, module: a.mjs }, { name: a, module: b.mjs }]', /two applications are called a/],
];

test('what is wrong in a list is told, and where', () => {
  for (const [text, words] of REFUSED)
    assert.throws(
      () => readAppList(text, '/'),
      ({ message }: Error) => words.test(message) || assert.fail(`${text}: ${message}`),
    );
});
