import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { circles, forbiddenImports, importsOf } from './rooms/check-imports.ts';
import { ROOMS } from './rooms/import-table.ts';

const SOURCE = 'src';
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => file.endsWith('.ts'))
  .sort();

test('imports only point down, and only as the import table says', () => {
  assert.ok(files.length > 10, 'run it from the root of the repository');
  const complaints = files.flatMap((file) =>
    forbiddenImports(file, readFileSync(path.join(SOURCE, file), 'utf8')),
  );
  assert.deepEqual(complaints, []);
});

test('the import table has no circle', () => {
  const below = (name: string, seen: readonly string[]): void => {
    assert.ok(!seen.includes(name), `${[...seen, name].join(' -> ')}`);
    const room = ROOMS.find((each) => each.name === name);
    assert.ok(room !== undefined, `the table names the room ${name} and does not describe it`);
    const allowed = [...room.mayImport, ...(room.allowances ?? []).flatMap((each) => each.mayImport ?? [])];
    for (const next of allowed) below(next.split('/')[0]!, [...seen, name]);
  };
  for (const room of ROOMS) below(room.name, []);
});

test('folders of a room import each other one way', () => {
  for (const { name, folders } of ROOMS) {
    if (folders === undefined) continue;
    const below = (folder: string, seen: readonly string[]): void => {
      assert.ok(!seen.includes(folder), `${name}: ${[...seen, folder].join(' -> ')}`);
      for (const next of folders[folder] ?? assert.fail(`${name} has no folder ${folder}`))
        below(next, [...seen, folder]);
    };
    for (const folder of Object.keys(folders)) below(folder, []);
  }
});

test('no files import each other in a circle, types included', () => {
  const own = files.filter((file) => !/\.(test|contract|fixture)\.ts$/.test(file));
  const texts = new Map(own.map((file) => [file, readFileSync(path.join(SOURCE, file), 'utf8')]));
  assert.deepEqual(circles(texts), []);
});

test('canary: circles of two and of three files are found, and a tree has none', () => {
  const texts = (entries: Record<string, string>): Map<string, string> => new Map(Object.entries(entries));
  const from = (target: string): string => `import type { a } from '${target}';\n`;
  assert.deepEqual(circles(texts({ 'x/a.ts': from('./b.ts'), 'x/b.ts': from('./a.ts') })), [
    ['x/a.ts', 'x/b.ts'],
  ]);
  const three = { 'x/a.ts': from('./b.ts'), 'x/b.ts': from('../y/c.ts'), 'y/c.ts': from('../x/a.ts') };
  assert.deepEqual(circles(texts(three)), [['x/a.ts', 'x/b.ts', 'y/c.ts']]);
  const tree = { 'x/a.ts': from('./b.ts') + from('./c.ts'), 'x/b.ts': from('./c.ts'), 'x/c.ts': '' };
  assert.deepEqual(circles(texts(tree)), []);
});

test('canary: each kind of forbidden import is found', () => {
  const planted: [file: string, text: string][] = [
    ['base/clock.ts', "import { readFileSync } from 'node:fs';"],
    ['base/clock.ts', "import type { Engine } from '../engine/engine.ts';"],
    ['protocol/h1/request-head.ts', "import {\n  a,\n  b,\n} from '../../web/headers.ts';"],
    ['protocol/h1/request-head.ts', "export { a } from '../../engine/engine.ts';"],
    ['protocol/limits.ts', "  const { connect } = await import('node:net');"],
    ['engine/engine.ts', "import { socket } from '../sys/socket.ts';"],
    ['engine/node/node-engine.ts', "import { socket } from '../../sys/socket.ts';"],
    ['engine/node/node-engine.ts', "import { serve } from '../../server/serve.ts';"],
    ['files/handler.ts', "import { RequestHeadParser } from '../protocol/h1/request-head.ts';"],
    ['files/handler.ts', "import { openat2 } from '../sys/file.ts';"],
    ['server/serve.ts', "import koffi from '@koromix/koffi-linux-x64';"],
    ['sys/socket.ts', "const koffi = require('@koromix/koffi-linux-x64');"],
    ['web/request.ts', "import fc from 'fast-check';"],
    ['web/request.ts', "import { request } from 'node:http';"],
    ['web/request.ts', "import { assert } from '../base/assert.js';"],
    ['web/request.ts', "import '../../test/rooms/import-table.ts';"],
    ['attic/old.ts', ''],
    ['load/measure/tally.ts', "import { Slot } from '../run/slot.ts';"],
    ['load/judge/verdict.ts', "import { textReport } from '../report/text-report.ts';"],
    ['load/loose.ts', "import type { LoadPlan } from './plan/load-plan.ts';"],
  ];
  for (const [file, text] of planted)
    assert.equal(forbiddenImports(file, text).length, 1, `${file}: ${text} went unseen`);
});

test('what the table allows, and what only looks like an import, is let through', () => {
  const allowed: [file: string, text: string][] = [
    ['engine/select.ts', "import { probe } from '../sys/probe.ts';"],
    ['engine/select.test.ts', "import { probe } from '../sys/probe.ts';\nimport fc from 'fast-check';"],
    ['engine/iouring/ring.ts', "import { ioUringEnter } from '../../sys/uring.ts';"],
    ['engine/engine.contract.ts', "import { test } from 'node:test';"],
    ['files/content-type.ts', "import { lookup } from 'mrmime';"],
    [
      'load/run/pacing.ts',
      "import { Slot } from './slot.ts';\nimport { latency } from '../measure/number-text.ts';",
    ],
    ['load/report/html/page.ts', "import { escapeControls } from '../text-options.ts';"],
    ['sys/ffi-koffi.ts', "const koffi = require('@koromix/koffi-linux-x64');"],
    ['base/errors.ts', "// as in import('node:fs')\n/* from 'node:net' */\nconst text = ` from 'node:net'`;"],
    ['index.ts', "export { serve } from './server/serve.ts';"],
  ];
  for (const [file, text] of allowed) assert.deepEqual(forbiddenImports(file, text), [], file);
});

test('imports are found however they are written', () => {
  const text = [
    "import a, { b } from 'one';",
    'import type { c } from "two";',
    "import * as d from 'three';",
    "import 'four';",
    "export * from 'five';",
    "import {\n  e,\n} from 'six';",
    "const f = await import('seven');",
    "type G = import('eight').G;",
    "const h = require('nine');",
  ].join('\n');
  assert.deepEqual(importsOf(text), ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']);
});
