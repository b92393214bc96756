/**
 * Tries the package as those do who meet it first: packs it, installs it into empty folders by npm and pnpm with
 * their defaults, compiles programs against its types, and runs them and the command. It needs the npm registry
 * and loopback, nothing else, and leaves nothing but tools in `.cache/trial/`.
 *
 *   node --test scripts/newcomer-trial.mjs            all of it, on this Node
 *   HOLDFAST_TRIAL=run node --test scripts/...        only what depends on the release of Node: programs and command
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { InstalledCommand } from './newcomer/installed-command.mjs';
import { manifest, packInto, ROOT, run, scratchFolder, sizeOf, treeOf } from './newcomer/workspace.mjs';

/** What the whole installation may weigh: twice what it does, and less than half of what it was with koffi itself. */
const INSTALLED_BYTES_MAX = 6_000_000;
/** Holdfast and koffi's native module. */
const PACKAGES_MAX = 2;
const PROGRAMS = ['hello', 'proxy', 'upload', 'workers'];
/** At the versions that this project is built with. */
const [HONO, H3, NODE_TYPES] = ['hono', 'h3', '@types/node'].map(
  (name) => `${name}@${manifest.devDependencies[name]}`,
);
/** Pinned, so that a release of theirs fails nobody's build; the newest TypeScript is the one that builds this. */
const TOOLS = ['pnpm10@npm:pnpm@10.34.9', 'pnpm12@npm:pnpm@12.21.0', 'typescript5@npm:typescript@5.9.3'];
const PNPM = { 10: 'pnpm10/bin/pnpm.cjs', 12: 'pnpm12/bin/pnpm.mjs' };
const COMPILERS = {
  5.9: `${ROOT}.cache/trial/node_modules/typescript5/bin/tsc`,
  7: `${ROOT}node_modules/typescript/bin/tsc`,
};
/** Whoever sets these must not be told of faults in our types. */
const STRICTEST = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
};
const isWhole = process.env.HOLDFAST_TRIAL !== 'run';

const scratch = scratchFolder();
let tarball;
/** Where npm has installed it, with programs. */
let home;

before(
  async () => {
    tarball = await packInto(scratch.path);
    home = await newProject('npm', 'module');
    await run('npm', ['install', tarball, HONO], { cwd: home });
    cpSync(`${ROOT}scripts/newcomer`, home, { recursive: true, filter: (file) => !file.endsWith('.mjs') });
  },
  { timeout: 120_000 },
);

after(() => scratch.remove());

describe('installed by npm', { skip: !isWhole }, () => {
  test('it is two packages, small, and none runs a script', async () => {
    const packages = treeOf(`${home}/node_modules`).filter(({ name }) => name !== 'hono');
    assert.ok(packages.length <= PACKAGES_MAX, packages.map(({ name }) => name).join(', '));
    assert.ok(packages.some(({ name }) => name === 'holdfast'));
    for (const { name, scripts } of packages)
      for (const script of ['preinstall', 'install', 'postinstall'])
        assert.equal(scripts?.[script], undefined, `${name} has a script for ${script}`);
    const bytes = packages.reduce((sum, { folder }) => sum + sizeOf(folder), 0);
    assert.ok(bytes < INSTALLED_BYTES_MAX, `${bytes} bytes`);
  });

  test('it installs again from the lock file', { timeout: 120_000 }, async () => {
    const { stderr } = await run('npm', ['ci'], { cwd: home });
    assert.doesNotMatch(stderr, /install-scripts|deprecated/);
  });

  test('it works without its optional package too', { timeout: 120_000 }, async () => {
    const folder = await newProject('bare', 'module');
    await run('npm', ['install', '--omit=optional', tarball], { cwd: folder });
    assert.equal(treeOf(`${folder}/node_modules`).length, 1);
    await requires(folder);
  });
});

describe('installed by pnpm', { skip: !isWhole }, () => {
  before(() => installTools(), { timeout: 120_000 });

  for (const [release, file] of Object.entries(PNPM))
    test(`pnpm ${release} adds it without a word of scripts, and again from its lock file`, {
      timeout: 120_000,
    }, async () => {
      const folder = await newProject(`pnpm-${release}`, 'module');
      const pnpm = (...args) =>
        run(process.execPath, [`${ROOT}.cache/trial/node_modules/${file}`, ...args], {
          cwd: folder,
          env: scratch.pnpmEnv,
        });
      const added = await pnpm('add', tarball);
      assert.doesNotMatch(added.stdout + added.stderr, /build script|approve-builds|ERR_/i);
      await pnpm('install', '--frozen-lockfile', '--force');
      await requires(folder);
      const { stdout: version } = await pnpm('exec', 'holdfast', '--version');
      assert.ok(version.includes(manifest.version), version);
    });
});

describe('compiled', { skip: !isWhole, concurrency: 2 }, () => {
  before(() => installTools(), { timeout: 120_000 });

  for (const compiler of Object.keys(COMPILERS))
    for (const resolution of ['node16', 'nodenext', 'bundler'])
      test(
        `TypeScript ${compiler}, ${resolution}, the libraries that tsc takes by itself, no skipLibCheck, no @types/node`,
        { timeout: 150_000 },
        () => compile(compiler, { moduleResolution: resolution }),
      );

  for (const compiler of Object.keys(COMPILERS))
    test(`TypeScript ${compiler} with @types/node in place of the dom library`, {
      timeout: 120_000,
    }, async () => {
      const folder = await newProject(`node-types-${compiler}`, 'module');
      await run('npm', ['install', tarball, NODE_TYPES], { cwd: folder });
      cpSync(`${home}/app.ts`, `${folder}/app.ts`);
      await compile(compiler, { moduleResolution: 'nodenext', lib: ['es2023'], types: ['node'] }, folder, [
        'app.ts',
      ]);
    });

  test('from CommonJS too, where the compiler knows that Node can', { timeout: 120_000 }, async () => {
    const folder = await newProject('commonjs', 'commonjs');
    cpSync(`${home}/node_modules`, `${folder}/node_modules`, { recursive: true });
    writeFileSync(
      `${folder}/app.ts`,
      "import { serve } from 'holdfast';\nvoid serve(() => new Response('x'));\n",
    );
    for (const compiler of Object.keys(COMPILERS))
      await compile(compiler, { moduleResolution: 'nodenext', verbatimModuleSyntax: false }, folder, [
        'app.ts',
      ]);
  });

  test('every block of code in the README and the docs', { timeout: 150_000 }, async () => {
    const folder = await newProject('docs', 'module');
    await run('npm', ['install', tarball, HONO, H3, NODE_TYPES], { cwd: folder });
    const script = `${ROOT}scripts/check-code-blocks.mjs`;
    await run(process.execPath, [script, '--modules', `${folder}/node_modules`], { cwd: folder });
  });

  test('canary: a program that is wrong does not compile', { timeout: 120_000 }, async () => {
    writeFileSync(
      `${home}/wrong.ts`,
      "import { serve } from 'holdfast';\nawait serve({ prot: 80, fetch: () => new Response() });\n",
    );
    await assert.rejects(compile('7', { moduleResolution: 'nodenext' }, home, ['wrong.ts']), /prot/);
  });
});

describe('run', () => {
  before(() => compile('7', { moduleResolution: 'nodenext', noEmit: false, skipLibCheck: true }), {
    timeout: 120_000,
  });

  for (const program of PROGRAMS)
    test(`${program}.ts does its work and ends by itself`, { timeout: 120_000 }, async () => {
      const { stdout, stderr } = await run(process.execPath, [`${program}.js`], { cwd: home });
      assert.match(stdout, /answered|proxied|uploaded/);
      assert.equal(stderr, '');
    });

  test('require() gives it to CommonJS, without a warning', { timeout: 120_000 }, async () => {
    const { stdout, stderr } = await run(process.execPath, ['require.cjs'], { cwd: home });
    assert.deepEqual({ stdout, stderr }, { stdout: 'required\n', stderr: '' });
  });
});

describe('the command', () => {
  test('holdfast --version is the version', { timeout: 60_000 }, async () => {
    const { stdout } = await run('npx', ['holdfast', '--version'], { cwd: home });
    assert.ok(stdout.includes(manifest.version), stdout);
  });

  test('holdfast doctor names the engine that it would take', { timeout: 60_000 }, async () => {
    const { stdout } = await run('npx', ['holdfast', 'doctor'], { cwd: home });
    assert.match(stdout, /iouring|epoll|node/);
  });

  for (const target of [`${ROOT}examples/site`, 'app.js'])
    test(`holdfast serve ${target.split('/').at(-1)} answers, is loaded by holdfast load, and ends on SIGTERM`, {
      timeout: 120_000,
    }, async (t) => {
      const server = new InstalledCommand(home, ['serve', '-p', '0', '-w', '2', target]);
      t.after(() => server.kill());
      const url = await server.ready();
      const answer = await fetch(url);
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), target === 'app.js' ? /^\{"path":"\/"\}$/ : /<html/i);
      const { stdout } = await run(
        'npx',
        ['holdfast', 'load', '-d', '1s', '--warmup', '0', '-c', '4', '--json', url],
        {
          cwd: home,
        },
      );
      assert.ok(JSON.parse(stdout).requests.answered > 100, stdout);
      assert.equal(await server.stop('SIGTERM'), 0);
    });
});

/** A folder as `npm init` leaves it. */
async function newProject(name, type) {
  const folder = `${scratch.path}/${name}`;
  mkdirSync(folder);
  await run('npm', ['init', '-y'], { cwd: folder });
  const file = `${folder}/package.json`;
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), type }));
  return folder;
}

let installing;
/** Once, however many ask. Kept between runs. */
function installTools() {
  const folder = `${ROOT}.cache/trial`;
  mkdirSync(folder, { recursive: true });
  installing ??= run(
    'npm',
    ['install', '--prefix', folder, '--ignore-scripts', '--no-save', '--no-package-lock', ...TOOLS],
    { cwd: folder },
  );
  return installing;
}

/** Runs the smallest program there. */
async function requires(folder) {
  cpSync(`${ROOT}scripts/newcomer/require.cjs`, `${folder}/require.cjs`);
  const { stdout } = await run(process.execPath, ['require.cjs'], { cwd: folder });
  assert.equal(stdout, 'required\n');
}

/** @throws Error with the compiler's output, when it has something to say */
async function compile(
  compiler,
  options,
  folder = home,
  files = ['usual.ts', 'app.ts', ...PROGRAMS.map((name) => `${name}.ts`)],
) {
  const module = options.moduleResolution === 'bundler' ? 'esnext' : options.moduleResolution;
  const compilerOptions = { ...STRICTEST, target: 'es2022', noEmit: true, types: [], module, ...options };
  const config = `${folder}/tsconfig.${compiler}.${options.moduleResolution}.json`;
  writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  await run(process.execPath, [COMPILERS[compiler], '--pretty', 'false', '-p', config], { cwd: folder });
}
