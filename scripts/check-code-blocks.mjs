/**
 * Compiles every block of TypeScript and JavaScript in the README and below docs/, as a user who copies it would.
 *
 *   node scripts/check-code-blocks.mjs [--modules FOLDER] [PAGE...]
 *
 * `--modules` is a node_modules folder that holds the package; without it this clone's own build is taken. What
 * follows the language behind the three backticks says how a block is to be read:
 *
 *   js                a module of its own
 *   js app.js         one that the other blocks of the page may import by that name
 *   ts fragment       no whole program: it is not compiled. For what cannot be shown otherwise, which is rare
 */

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { blocksOf } from './code-blocks.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = `${ROOT}node_modules/typescript/bin/tsc`;
const OPTIONS = {
  target: 'es2023',
  module: 'nodenext',
  types: ['node'],
  noEmit: true,
  allowJs: true,
  checkJs: true,
  strict: true,
  // Nobody annotates an example in JavaScript; in TypeScript the strictness of a new project holds.
  noImplicitAny: false,
};

/** What pages name and is not installed here: other servers, whose code is compared with ours, and loggers. */
const NEIGHBOUR_NAMES = ['@hono/node-server', 'elysia', 'express', 'fastify', 'koa', 'pino', 'srvx', 'ws'];
const NEIGHBOURS = `${NEIGHBOUR_NAMES.map((name) => `declare module '${name}';\n`).join(
  '',
)}declare const Bun: any;\ndeclare const Deno: any;\n`;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { modules: { type: 'string' } },
});
const pages = positionals.length > 0 ? positionals : documentation();
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-blocks-'));
try {
  linkModules(flags.modules);
  const count = pages.reduce((sum, page) => sum + write(page), 0);
  writeFileSync(`${folder}/neighbours.d.ts`, NEIGHBOURS);
  writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ compilerOptions: OPTIONS, include: ['pages', 'neighbours.d.ts'] }),
  );
  const compiled = spawnSync(process.execPath, [COMPILER, '--pretty', 'false', '-p', folder], {
    encoding: 'utf8',
    cwd: folder,
  });
  process.stdout.write(
    compiled.stdout.replaceAll(/^pages\/(.*)\/line-\d+\.m?[jt]s|^pages\/(.*?)\/[^/\n(]+(?=\()/gm, '$1$2'),
  );
  process.stderr.write(compiled.stderr);
  console.log(
    `${count} blocks of code in ${pages.length} pages ${compiled.status === 0 ? 'compile' : 'were compiled'}`,
  );
  process.exitCode = compiled.status === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function documentation() {
  const below = readdirSync(`${ROOT}docs`, { recursive: true }).map((file) => path.join('docs', file));
  return ['README.md', ...below.filter((file) => file.endsWith('.md'))].map((file) =>
    file.split(path.sep).join('/'),
  );
}

/** Each block keeps its lines, so that the compiler names the page's own. */
function write(page) {
  const blocks = blocksOf(readFileSync(path.join(ROOT, page), 'utf8')).filter(
    ({ isFragment }) => !isFragment,
  );
  const home = `${folder}/pages/${page.replaceAll('../', '')}`;
  mkdirSync(home, { recursive: true });
  for (const { line, language, name, text } of blocks)
    writeFileSync(
      `${home}/${name ?? `line-${line}.${language}`}`,
      `${'\n'.repeat(line)}${text}\nexport {};\n`,
    );
  return blocks.length;
}

function isLinked(name) {
  return !name.startsWith('.') && !NEIGHBOUR_NAMES.includes(name);
}

/** The package, and what examples use beside it. */
function linkModules(modules) {
  if (modules !== undefined) {
    symlinkSync(path.resolve(modules), `${folder}/node_modules`, 'dir');
    return;
  }
  mkdirSync(`${folder}/node_modules`);
  symlinkSync(ROOT, `${folder}/node_modules/holdfast`, 'dir');
  for (const name of readdirSync(`${ROOT}node_modules`).filter(isLinked))
    if (!existsSync(`${folder}/node_modules/${name}`))
      symlinkSync(`${ROOT}node_modules/${name}`, `${folder}/node_modules/${name}`, 'dir');
}
