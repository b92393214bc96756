/**
 * Runs `holdfast prove` over the applications in examples/apps on every engine, and puts what came of it into one document with
 * a cell for each application and engine. What one engine does and another does not is a finding of its own.
 *
 *     node scripts/matrix.mjs [--tier pr|nightly] [--apps sessions,shop] [--engines epoll,node] [--slices sessions,slow]
 *       [--seed N] [--out FILE]
 *
 * Needs what `npm run build` builds and `npm run apps` installs; PostgreSQL and Redis are left out where they are not installed,
 * and the document says so. Ends with 99 when a finding is high, with 1 when an application could not be attacked.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hasService, startServices } from './services.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const COMMAND = path.join(ROOT, 'dist/bundle/main.js');
const APPS_FOLDER = path.join(ROOT, 'examples/apps');
const UPSTREAM_START_MS = 20_000;

/** For all applications and engines together; deadlines are waited for however long, so a run takes somewhat more. */
const TIERS = { pr: 10 * 60, nightly: 60 * 60 };

/** `path` answers the same each time. What a slice needs and an application has not, that slice skips, and says so. */
const APPS = {
  sessions: { flags: ['--path', '/notes'] },
  tokens: { flags: ['--path', '/form'] },
  middleware: { flags: ['--path', '/etag/page', '--upload-path', '/upload'] },
  observed: { flags: ['--path', '/'] },
  site: { flags: ['--path', '/docs'], before: sessionsBehind },
  shop: { flags: ['--path', '/goods'] },
  chat: { flags: ['--path', '/', '--websocket-path', '/rooms/prove/socket?name=Ada'] },
  postgres: { flags: ['--path', '/notes'], service: 'postgres' },
  redis: { flags: ['--path', '/notes'], service: 'redis' },
};
/** What was waited for on a machine that does other things differs between any two runs. */
const BY_CHANCE = /\/slow-beside$/;

/**
 * @param app its name
 * @param targets of a result of `holdfast prove --json`
 */
export function cellsOf(app, targets) {
  return targets.map(({ name: engine, failed, quiet, slices }) => {
    const findings = slices.flatMap((slice) =>
      slice.findings.map(({ id, severity, title, times }) => ({ id, severity, title, times })),
    );
    const ran = slices.filter(({ skipped }) => skipped === undefined);
    const waits = ({ p50Ms, p99Ms }) => ({ p50Ms, p99Ms });
    return {
      app,
      engine,
      verdict: failed !== undefined ? 'failed' : findings.length === 0 ? 'kept' : worstOf(findings),
      failed,
      findings,
      quiet: quiet === undefined ? undefined : waits(quiet),
      beside: Object.fromEntries(
        ran.map(({ name, beside }) => [name, { ...waits(beside), failed: beside.failed }]),
      ),
      skipped: Object.fromEntries(
        slices.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [[name, skipped]])),
      ),
    };
  });
}

/** What holds for some of an application's engines and not for all. */
export function divergencesOf(cells) {
  const found = [];
  for (const app of new Set(cells.map((cell) => cell.app))) {
    const engines = cells.filter((cell) => cell.app === app);
    const whats = new Set(engines.flatMap(saidOf));
    for (const what of whats) {
      const on = engines.filter((cell) => saidOf(cell).includes(what)).map(({ engine }) => engine);
      const notOn = engines.map(({ engine }) => engine).filter((engine) => !on.includes(engine));
      if (notOn.length > 0) found.push({ app, what, on, notOn });
    }
  }
  return found;
}

function saidOf({ verdict, findings, skipped }) {
  return [
    ...(verdict === 'failed' ? ['could not be attacked'] : []),
    ...findings.map(({ id }) => id).filter((id) => !BY_CHANCE.test(id)),
    ...Object.keys(skipped).map((slice) => `skips ${slice}`),
  ];
}

function worstOf(findings) {
  return ['high', 'medium', 'low'].find((each) => findings.some(({ severity }) => severity === each));
}

/** A row for each application, a column for each engine: the verdict, and how long a good client waited (p99). */
export function tableOf(cells) {
  const engines = [...new Set(cells.map(({ engine }) => engine))];
  const rows = [...new Set(cells.map(({ app }) => app))].map((app) => [
    app,
    ...engines.map((engine) => textOf(cells.find((cell) => cell.app === app && cell.engine === engine))),
  ]);
  const all = [['', ...engines], ...rows];
  const widths = all[0].map((_, at) => Math.max(...all.map((row) => row[at].length)));
  return all
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function textOf(cell) {
  if (cell === undefined) return '-';
  if (cell.failed !== undefined) return 'failed';
  const beside = Math.max(0, ...Object.values(cell.beside).map(({ p99Ms }) => p99Ms));
  return `${cell.verdict}${cell.findings.length > 0 ? ` (${cell.findings.length})` : ''} ${cell.quiet.p99Ms} -> ${beside} ms`;
}

/** The API of sessions.mjs, which the site is a reverse proxy for. */
async function sessionsBehind(folder) {
  const child = spawn(
    process.execPath,
    [COMMAND, 'serve', '-p', '0', '-w', '1', '--log', 'off', `${APPS_FOLDER}/sessions.mjs`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const url = await new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error('sessions.mjs did not start')), UPSTREAM_START_MS);
    child.once('exit', () => reject(new Error('sessions.mjs ended')));
    child.stdout.on('data', (piece) => {
      text += piece;
      const [, found] = /url=(\S+)/.exec(text) ?? [];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    });
  }).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const paths = {
    '/api/login': { post: { operationId: 'login' } },
    '/api/logout': { post: { operationId: 'logout' } },
    '/api/notes': { get: { operationId: 'listNotes' } },
    '/api/notes/{key}': {
      get: { operationId: 'readNote' },
      put: { operationId: 'writeNote' },
      delete: { operationId: 'removeNote' },
    },
  };
  const file = path.join(folder, 'site.openapi.json');
  writeFileSync(file, JSON.stringify({ openapi: '3.1.0', paths }));
  return { env: { UPSTREAM: url }, flags: ['--openapi', file], close: () => child.kill('SIGKILL') };
}

/** @returns the result of `holdfast prove`, or undefined with what it said */
async function proveApp(name, args, env) {
  const child = spawn(
    process.execPath,
    [COMMAND, 'prove', `${APPS_FOLDER}/${name}.mjs`, '--json', '--capsules', 'off', ...args],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [text, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
  child.stderr.on('data', (piece) => (errors = (errors + piece).slice(-2000)));
  await new Promise((resolve) => child.once('close', resolve));
  try {
    return { result: JSON.parse(text) };
  } catch {
    return { said: errors.trim() || `it ended with ${child.exitCode ?? child.signalCode}` };
  }
}

async function runApp(name, seconds, flags, folder) {
  const { flags: own, before, service } = APPS[name];
  if (service !== undefined && !hasService(service)) return { skipped: `${service} is not installed here` };
  const services = service === undefined ? undefined : await startServices([service]);
  const behind = await before?.(folder);
  try {
    const args = [...own, ...(behind?.flags ?? []), ...flags, '--for', `${seconds}s`];
    return await proveApp(name, args, { ...services?.env, ...behind?.env });
  } finally {
    behind?.close();
    await services?.close();
  }
}

async function main() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      tier: { ...text, default: 'pr' },
      apps: text,
      engines: text,
      slices: text,
      seed: text,
      out: text,
    },
  });
  if (!Object.hasOwn(TIERS, values.tier))
    throw new Error(`--tier: pr or nightly, not ${JSON.stringify(values.tier)}`);
  const names = values.apps?.split(',') ?? Object.keys(APPS);
  const unknown = names.find((name) => !Object.hasOwn(APPS, name));
  if (unknown !== undefined)
    throw new Error(`--apps: ${JSON.stringify(unknown)} is none of ${Object.keys(APPS).join(', ')}`);
  if (!existsSync(COMMAND)) throw new Error('not built: npm run build first');
  if (!existsSync(`${APPS_FOLDER}/node_modules/holdfast`))
    throw new Error('not installed: npm run apps first');
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const flags = ['--seed', `${seed}`];
  for (const name of ['engines', 'slices'])
    if (values[name] !== undefined) flags.push(`--${name}`, values[name]);
  const seconds = Math.ceil(TIERS[values.tier] / Object.keys(APPS).length);
  const document = { tool: 'holdfast matrix', tier: values.tier, seed, startedAt: new Date().toISOString() };
  Object.assign(document, { machine: undefined, leftOut: {}, cells: [], divergences: [] });
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-matrix-'));
  try {
    for (const name of names) {
      process.stderr.write(`${name} ...\n`);
      const { result, skipped, said } = await runApp(name, seconds, flags, folder).catch((error) => ({
        said: error.message,
      }));
      if (result === undefined) document.leftOut[name] = skipped ?? `failed: ${said}`;
      else document.cells.push(...cellsOf(name, result.targets));
      document.machine ??= result?.machine;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  document.divergences = divergencesOf(document.cells);
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(document, null, 2)}\n`);
  tell(document);
  const isUnable =
    Object.values(document.leftOut).some((why) => why.startsWith('failed')) || document.cells.length === 0;
  const isHigh = document.cells.some(({ verdict }) => verdict === 'high');
  return isHigh ? 99 : isUnable || document.cells.some(({ failed }) => failed !== undefined) ? 1 : 0;
}

function tell({ cells, leftOut, divergences, seed }) {
  console.log(
    `${tableOf(cells)}\n\nverdict, and the p99 of a good client: quiet -> beside the worst attack; seed ${seed}`,
  );
  for (const [app, why] of Object.entries(leftOut)) console.log(`${app} was left out: ${why}`);
  for (const { app, engine, failed, findings } of cells) {
    if (failed !== undefined) console.log(`${app} on ${engine}: ${failed}`);
    for (const { severity, id, title } of findings)
      console.log(`${app} on ${engine}: ${severity} ${id}: ${title}`);
  }
  for (const { app, what, on, notOn } of divergences)
    console.log(`${app}: ${what} on ${on.join(', ')}, and not on ${notOn.join(', ')}`);
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await main().catch((error) => {
    console.error(error.message);
    return 2;
  });
