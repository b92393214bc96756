import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { rollUpTypes } from './roll-up-types.mjs';

/** Rolls up declaration files given by name; the first is the entry. */
function rolledUp(t, files) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-types-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const [, ...lines] = rollUpTypes(path.join(folder, Object.keys(files)[0]))
    .trimEnd()
    .split('\n');
  return lines;
}

test('what is exported comes with what it refers to, through any number of files, and with nothing else', (t) => {
  const lines = rolledUp(t, {
    'index.d.ts': "export { serve } from './a/serve.ts';\n",
    'a/serve.d.ts':
      "import type { Options } from '../b.ts';\nexport declare function serve(options: Options): void;\nexport declare const other: number;\n",
    'b.d.ts': "export type { Options } from './c.ts';\n",
    'c.d.ts':
      'interface Base {\n    a: number;\n}\nexport interface Options extends Base {\n    b: string;\n}\nexport interface Unused {\n}\n',
  });
  assert.deepEqual(lines, [
    'declare function serve(options: Options): void;',
    'interface Options extends Base {',
    '    b: string;',
    '}',
    'interface Base {',
    '    a: number;',
    '}',
    'export { serve };',
  ]);
});

test('members that are internal are left out, with what only they refer to', (t) => {
  const lines = rolledUp(t, {
    'index.d.ts':
      "/** The file. */\nimport { Hidden } from './hidden.ts';\n/** A class. */\nexport declare class A implements Hidden {\n    /** @internal */\n    _hidden: Hidden;\n    /** Shown. */\n    shown: string;\n}\n",
    'hidden.d.ts': 'export interface Hidden {\n    _hidden: Hidden;\n}\n',
  });
  assert.deepEqual(lines, [
    '/** A class. */',
    'declare class A {',
    '    /** Shown. */',
    '    shown: string;',
    '}',
    'export { A };',
  ]);
});

test("the platform's names stay the platform's beside a declaration of that name, and ours are told apart", (t) => {
  const lines = rolledUp(t, {
    'index.d.ts': "export { Response, type Handler } from './own.ts';\n",
    'own.d.ts':
      "import type { Handler as Platforms } from './handler.ts';\nexport interface Response {\n    ours: true;\n}\nexport interface Handler {\n    of: Platforms;\n}\n",
    'handler.d.ts': 'export type Handler = <T>(value: T) => Response | T;\n',
  });
  assert.ok(lines.includes('    of: Handler2;'), lines.join('\n'));
  assert.ok(lines.includes('type Handler2 = <T>(value: T) => globalThis.Response | T;'), lines.join('\n'));
});

test('an option may be given as undefined', (t) => {
  const lines = rolledUp(t, {
    'index.d.ts':
      'export interface Options {\n    a?: number | string;\n    b?: (c: string) => void;\n    d?: null | undefined;\n    e: number;\n}\n',
  });
  assert.deepEqual(lines.slice(1, 5), [
    '    a?: number | string | undefined;',
    '    b?: ((c: string) => void) | undefined;',
    '    d?: null | undefined;',
    '    e: number;',
  ]);
});

test('what refers to a package or cannot be understood ends it', (t) => {
  assert.throws(
    () =>
      rolledUp(t, {
        'index.d.ts': "import type { Socket } from 'node:net';\nexport declare const socket: Socket;\n",
      }),
    /refers to node:net/,
  );
  assert.throws(
    () => rolledUp(t, { 'index.d.ts': 'export declare const a: import("./b.ts").B;\n' }),
    /import\(\)/,
  );
});
