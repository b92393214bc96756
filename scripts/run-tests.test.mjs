import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('run-tests.mjs', import.meta.url));
const PASSING = "import { test } from 'node:test';\ntest('passes', () => {});\n";
const FAILING = "import { test } from 'node:test';\ntest('fails', () => { throw new Error('planted'); });\n";

/** A repository of nothing but the files given, and the scripts in it, of which one runs. */
function run(context, files, ...args) {
  return runScript(context, 'scripts/run-tests.mjs', files, args);
}

function runScript(context, script, files, args = []) {
  const root = mkdtempSync(path.join(tmpdir(), 'run-tests-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [file, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  mkdirSync(path.join(root, 'scripts'), { recursive: true });
  for (const each of ['run-tests.mjs', 'test-lanes.mjs'])
    copyFileSync(path.join(path.dirname(SCRIPT), each), path.join(root, 'scripts', each));
  // A runner inside of a test of the outer runner would report to it instead of to us.
  const { NODE_TEST_CONTEXT: _, HOLDFAST_RETRY: __, ...env } = process.env;
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { ...result, has: (file) => existsSync(path.join(root, file)) };
}

const BUILT = { 'src/base/a.test.ts': '', 'dist/base/a.test.js': PASSING };

test('it runs what is built and ends with the summary', (context) => {
  const { status, stdout } = run(context, {
    ...BUILT,
    'test/b.test.ts': '',
    'dist-test/b.test.js': PASSING,
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /ℹ tests 2\n/);
  assert.match(stdout, /ℹ pass 2\n/);
});

test('canary: a test that fails makes the run fail', (context) => {
  const { status, stdout } = run(context, { ...BUILT, 'dist/base/a.test.js': FAILING });
  assert.equal(status, 1);
  assert.match(stdout, /ℹ fail 1\n/);
});

const UNSTEADY = `import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
test('fails once', () => {
  if (existsSync('failed-before')) return;
  writeFileSync('failed-before', '');
  throw new Error('planted');
});
`;

test('with --retry a file that failed is run once more, and named', (context) => {
  const files = { ...BUILT, 'src/base/b.test.ts': '', 'dist/base/b.test.js': UNSTEADY };
  assert.equal(run(context, files).status, 1);
  const { status, stdout } = run(context, files, '--retry');
  assert.equal(status, 0, stdout);
  assert.match(stdout, /unsteady: failed once and passed the second time: dist\/base\/b\.test\.js\n/);
});

test('canary: a test that another file defines is run again where it ran', (context) => {
  const files = {
    ...BUILT,
    'dist/base/a.contract.js': `${FAILING}export const contract = 1;\n`,
    'dist/base/a.test.js': "import './a.contract.js';\n",
  };
  const { status, stdout } = run(context, files, '--retry');
  assert.equal(status, 1, stdout);
  assert.match(stdout, /failed, so run once more: dist\/base\/a\.test\.js\n/);
});

test('canary: a file that fails twice has failed, with --retry too', (context) => {
  const { status, stdout } = run(context, { ...BUILT, 'dist/base/a.test.js': FAILING }, '--retry');
  assert.equal(status, 1);
  assert.match(stdout, /failed twice/);
});

test('a test that was not built makes the run fail, by name', (context) => {
  const { status, stdout, stderr } = run(context, { ...BUILT, 'src/base/left-out.test.ts': '' });
  assert.equal(status, 1);
  assert.match(stderr, /not built.*\n {2}src\/base\/left-out\.test\.ts\n/);
  assert.equal(stdout, '', 'nothing runs then');
});

test('what is left of a source that is gone is deleted, and not run', (context) => {
  const ghosts = {
    'dist/base/gone.test.js': FAILING,
    'dist/base/gone.test.d.ts': '',
    'dist/base/gone.test.js.map': '{}',
  };
  const { status, stderr, has } = run(context, {
    ...BUILT,
    ...ghosts,
    'src/base/kept.ts': '',
    'dist/base/kept.js': '',
  });
  assert.equal(status, 0);
  assert.match(stderr, /deleted dist\/base\/gone\.test\.js: its source is gone/);
  for (const ghost of Object.keys(ghosts)) assert.equal(has(ghost), false, ghost);
  assert.equal(has('dist/base/kept.js'), true);
});

test('--unit takes the rooms without sockets, a part of a path takes what it names', (context) => {
  const files = {
    ...BUILT,
    'src/engine/c.test.ts': '',
    'dist/engine/c.test.js': PASSING,
    'scripts/d.test.mjs': PASSING,
  };
  const list = (...args) =>
    run(context, files, '--list', ...args)
      .stdout.trim()
      .split('\n');
  assert.deepEqual(list(), ['dist/base/a.test.js', 'dist/engine/c.test.js', 'scripts/d.test.mjs']);
  assert.deepEqual(list('--unit'), ['dist/base/a.test.js']);
  assert.deepEqual(list('engine/', 'scripts/d'), ['dist/engine/c.test.js', 'scripts/d.test.mjs']);
  assert.equal(run(context, files, 'no-such-file').status, 1);
});

/** Says how many of its kind run while it does. */
const COUNTING = `import { test } from 'node:test';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
test('waits', async (t) => {
  const mine = \`beside/\${process.pid}\`;
  mkdirSync(mine, { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 500));
  console.log(\`beside: \${readdirSync('beside').length}\`);
  rmdirSync(mine);
});
`;

test('more files run side by side while cores are idle, and as many as are allowed at most', (context) => {
  const names = ['a.mjs', 'b.mjs', 'c.mjs', 'd.mjs', 'e.mjs'];
  const drive = (lanes) => `import { runFiles } from './scripts/test-lanes.mjs';
await runFiles(${JSON.stringify(names)}, ${lanes});`;
  const most = (lanes) => {
    const files = Object.fromEntries(
      names.map((name) => [name, `${COUNTING}test('fails', () => { throw 1; });`]),
    );
    const { stdout } = runScript(context, 'drive.mjs', { ...files, 'drive.mjs': drive(lanes) });
    const counts = [...stdout.matchAll(/beside: (\d+)/g)].map(([, count]) => Number(count));
    assert.equal(counts.length, names.length, stdout);
    return Math.max(...counts);
  };
  assert.equal(most('{ lanes: 2, lanesMax: 3, idleShare: () => 1 }'), 3);
  assert.ok(most('{ lanes: 2, lanesMax: 5, idleShare: () => 0 }') <= 2);
});

test('long ones run when they are asked for, by --long, --all or a part of their path', (context) => {
  const files = {
    ...BUILT,
    'test/b.long.test.ts': '',
    'dist-test/b.long.test.js': PASSING,
    'test/c.long.test.ts': '',
    'dist-test/c.long.test.js': PASSING,
    'test/d.alone.test.ts': '',
    'dist-test/d.alone.test.js': PASSING,
  };
  const list = (...args) =>
    run(context, files, '--list', ...args)
      .stdout.trim()
      .split('\n');
  assert.deepEqual(list(), ['dist/base/a.test.js']);
  const long = ['dist-test/b.long.test.js', 'dist-test/c.long.test.js', 'dist-test/d.alone.test.js'];
  assert.deepEqual(list('--long'), long);
  assert.deepEqual(list('--all'), [...long.slice(0, 2), 'dist/base/a.test.js', long[2]]);
  assert.equal(run(context, files, '--all').status, 0);
  assert.deepEqual(list('test/d'), ['dist-test/d.alone.test.js']);
});

test('canary: a file that ends before its tests have, or by a signal, has failed', (context) => {
  for (const [text, fault] of [
    ['process.exit(0);', /ended before its tests had/],
    ["process.kill(process.pid, 'SIGKILL');", /was ended by SIGKILL/],
    ['nothing.here();', /exit code 1/],
  ]) {
    const { status, stdout } = run(context, { ...BUILT, 'dist/base/a.test.js': text });
    assert.equal(status, 1, stdout);
    assert.match(stdout, fault);
    assert.match(stdout, /ℹ fail 1\n/);
  }
});
