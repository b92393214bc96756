import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { RequestContext } from '../web/context.ts';
import { loadModule, ModuleError } from './module.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-module-'));
after(() => rmSync(folder, { recursive: true }));
let count = 0;

/** @param extension `mjs` or `cjs` */
function load(text: string, extension: string): ReturnType<typeof loadModule> {
  const file = join(folder, `app${count++}.${extension}`);
  writeFileSync(file, text);
  return loadModule(pathToFileURL(file));
}

const MARK = "Object.defineProperty(exports, '__esModule', { value: true });\n";
const FUNCTION = "() => new Response('ok')";
const APP = `{ answer: 'ok', fetch() { return new Response(this.answer); } }`;
const INSTANCE = `new (class { answer = 'ok'; fetch() { return new Response(this.answer); } })()`;

for (const [what, expression] of [
  ['a function', FUNCTION],
  ['an object with fetch', APP],
  ['an instance with fetch in its prototype', INSTANCE],
] as const) {
  const forms: [string, string, string][] = [
    ['export default', `export default ${expression};`, 'mjs'],
    ['module.exports', `module.exports = ${expression};`, 'cjs'],
    ['a compiled export default', `${MARK}exports.default = ${expression};`, 'cjs'],
    [
      'a compiled export default beside others',
      `${MARK}exports.default = ${expression};\nexports.config = {};`,
      'cjs',
    ],
    [
      'a compiled one that was wrapped again',
      `${MARK}exports.default = Object.defineProperty({ default: ${expression} }, '__esModule', { value: true });`,
      'cjs',
    ],
  ];
  for (const [form, text, extension] of forms) {
    test(`${what} is found as ${form}`, async () => {
      const { fetch } = await load(text, extension);
      const context = {} as RequestContext;
      assert.equal(await (await fetch(new Request('http://a/'), context, context)).text(), 'ok');
    });
  }
}

test('an export named fetch is a handler, where nothing is exported by default', async () => {
  const { fetch } = await load(`export function fetch() { return new Response('ok'); }`, 'mjs');
  assert.equal(await (await fetch(new Request('http://a/'), {} as never, {} as never)).text(), 'ok');
});

test('what holds no handler is told, with what it holds instead', async () => {
  for (const [text, extension, wanted] of [
    ['export const x = 1;', 'mjs', /its default export is missing/],
    ['export default 5;', 'mjs', /its default export is 5/],
    ['export default { listen() {} };', 'mjs', /its default export is an object \(Object\)/],
    ['export default class App { fetch() {} }', 'mjs', /function App, a class: export an instance of it/],
    [`${MARK}exports.default = 'x';`, 'cjs', /its default export is "x"/],
    ['export default { get fetch() { throw new Error("mine"); } };', 'mjs', /cannot be loaded: mine/],
    ['throw null;', 'mjs', /cannot be loaded: null/],
    ['throw { toString() { throw 1; } };', 'mjs', /cannot be loaded: an object/],
  ] as const)
    await assert.rejects(load(text, extension), (error) => {
      assert.ok(error instanceof ModuleError, String(error));
      assert.match(error.message, wanted);
      return true;
    });
});

test('the error that a module throws is the cause, with its stack', async () => {
  await assert.rejects(load('\nthrow new TypeError("no database");', 'mjs'), (error: Error) => {
    assert.ok(error.cause instanceof TypeError);
    assert.match(error.cause.stack ?? '', /app\d+\.mjs:2/);
    return true;
  });
});
