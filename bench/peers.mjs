/**
 * The servers that are measured: what each needs to be there, how it is started, and which workloads it can
 * serve. One row a server; `setup.mjs` installs what the rows need, `run.mjs` starts them.
 *
 * A row says with `without` what it leaves out and why: nginx alone, for one, cannot serialise JSON.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BENCH_DIR, BUN, CACHE_DIR, FLOOR, NPM_DIR, ROOT_DIR } from './lib/paths.mjs';
import { holdfastCommand } from './lib/start-holdfast.mjs';

const server = (file) => `${BENCH_DIR}servers/${file}`;
const node = (file, ...args) => ({ command: process.execPath, args: [server(file), ...args] });
const bun = (file, ...args) => ({ command: BUN, args: [server(file), ...args] });

/** Paths of packages as `import` takes them; from their own `exports`, so CommonJS builds are not taken by mistake. */
const npm = (name) => pathToFileURL(npmPath(name)).href;

function npmPath(name) {
  const base = `${NPM_DIR}node_modules/${name}/`;
  const { exports, module, main } = JSON.parse(readFileSync(`${base}package.json`, 'utf8'));
  const entry = exports?.['.']?.import ?? exports?.['.']?.default ?? module ?? main;
  return base + (typeof entry === 'string' ? entry : entry.default);
}

const npmVersion = (name) =>
  JSON.parse(readFileSync(`${NPM_DIR}node_modules/${name}/package.json`, 'utf8')).version;

const needsNpm = (...names) => {
  const missing = names.filter((name) => !existsSync(`${NPM_DIR}node_modules/${name}`));
  return missing.length > 0
    ? `npm package ${missing.join(', ')} not installed (node bench/setup.mjs)`
    : undefined;
};
const needsBun = () => (existsSync(BUN) ? undefined : 'npm package bun not installed (node bench/setup.mjs)');
const needsBuild = () =>
  existsSync(`${ROOT_DIR}dist/bundle/index.js`)
    ? undefined
    : 'dist/bundle/index.js is not built (npm run build)';

/** A program on PATH, or in sbin, where Debian keeps servers that ordinary users' PATH lacks. */
export function findProgram(name) {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    if (directory !== '' && existsSync(`${directory}/${name}`)) return `${directory}/${name}`;
  }
  return undefined;
}
const needsProgram = (name) => (findProgram(name) === undefined ? `${name} is not installed` : undefined);

/** What a peer's build left behind when it failed, so that the run can name the reason. */
const needsBinary = (name) => {
  if (existsSync(`${CACHE_DIR}bin/${name}`)) return undefined;
  const reason = `${CACHE_DIR}${name}/failed.txt`;
  return existsSync(reason) ? readFileSync(reason, 'utf8').trim() : 'not built (node bench/setup.mjs)';
};

/** Writes a configuration with its directory, port and user filled in. */
function configure(file, name, port) {
  const directory = `${CACHE_DIR}run/${name}`;
  mkdirSync(`${directory}/www`, { recursive: true });
  writeFileSync(`${directory}/www/hello.txt`, 'Hello, World!');
  writeFileSync(`${directory}/www/mib`, Buffer.alloc(1024 * 1024, '.'));
  // When root starts them, both would give their worker another user, who may not reach this directory.
  const isRoot = process.getuid() === 0;
  const user = !isRoot ? '' : name === 'nginx' ? 'user root;' : 'user: root';
  const text = readFileSync(server(file), 'utf8')
    .replaceAll('@DIR@', directory)
    .replaceAll('@PORT@', String(port))
    .replaceAll('@H2PORT@', String(h2PortOfNginx(port)))
    .replaceAll('@USER@', user);
  writeFileSync(`${directory}/${file}`, text);
  return `${directory}/${file}`;
}

/** Before 1.25.1 a port of nginx speaks one protocol only in the clear. */
const h2PortOfNginx = (port) => port + 200;

/** First number-like word of what a program says of its version. */
function programVersion(command, ...args) {
  const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', command, ...args], { encoding: 'utf8' });
  return /\d+(\.\d+)+/.exec(text)?.[0];
}

const nodeVersion = `Node ${process.versions.node}`;
const onNode = (name) => () => `${npmVersion(name)}, ${nodeVersion}`;
const holdfastVersion = () =>
  `${JSON.parse(readFileSync(`${ROOT_DIR}package.json`, 'utf8')).version}, ${nodeVersion}`;

const holdfast = (id, title, engine) => ({
  id,
  title,
  missing: needsBuild,
  version: holdfastVersion,
  start: (port) => node('holdfast.mjs', String(port), engine),
  /** The command line, to its ready line: what people start. */
  startUp: (port) => ({ ...holdfastCommand(port, { engine }), until: 'line' }),
});

const LINE_AND_STAY = "console.log('ready url=none'); setInterval(() => {}, 1e9)";

export const PEERS = [
  {
    id: 'bare',
    title: 'Node alone',
    missing: () => undefined,
    version: () => process.versions.node,
    only: ['start'],
    startUp: () => ({ command: process.execPath, args: ['-e', LINE_AND_STAY], until: 'line' }),
  },
  holdfast('holdfast', 'Holdfast', 'iouring'),
  holdfast('holdfast-epoll', 'Holdfast, epoll engine', 'epoll'),
  holdfast('holdfast-node', 'Holdfast, node engine', 'node'),
  {
    id: 'holdfast-hono',
    title: 'Hono on Holdfast',
    missing: () => needsBuild() ?? needsNpm('hono'),
    version: holdfastVersion,
    start: (port) => node('holdfast-hono.mjs', String(port), 'iouring', npm('hono')),
  },
  {
    id: 'floor',
    title: 'C floor',
    missing: () => needsBinary('floor'),
    version: () => undefined,
    start: (port) => ({ command: FLOOR, args: [String(port)] }),
    without: {
      json: 'always sends the same bytes',
      'post-echo': 'always sends the same bytes',
      params: 'always sends the same bytes',
    },
  },
  {
    id: 'nginx',
    title: 'nginx',
    missing: () => needsProgram('nginx'),
    version: () => programVersion(findProgram('nginx'), '-v'),
    start: (port) => ({
      command: findProgram('nginx'),
      args: ['-e', 'stderr', '-c', configure('nginx.conf', 'nginx', port)],
    }),
    h2Port: h2PortOfNginx,
    without: { json: 'serialises nothing by itself', 'post-echo': 'cannot echo a body by itself' },
  },
  {
    id: 'h2o',
    title: 'h2o',
    missing: () => needsProgram('h2o'),
    version: () => programVersion(findProgram('h2o'), '--version'),
    start: (port) => ({
      command: findProgram('h2o'),
      args: ['-m', 'worker', '-c', configure('h2o.conf', 'h2o', port)],
    }),
  },
  {
    id: 'uwebsockets',
    title: 'uWebSockets.js',
    missing: () => needsNpm('uwebsockets'),
    version: onNode('uwebsockets'),
    start: (port) => node('uwebsockets.mjs', String(port), npmPath('uwebsockets')),
  },
  {
    id: 'bun',
    title: 'Bun.serve',
    missing: needsBun,
    version: () => npmVersion('bun'),
    start: (port) => bun('bun-serve.mjs', String(port)),
  },
  {
    id: 'axum',
    title: 'axum (Rust)',
    missing: () => needsBinary('axum'),
    version: () => readFileSync(`${CACHE_DIR}axum/version.txt`, 'utf8').trim(),
    start: (port) => ({ command: `${CACHE_DIR}bin/axum`, args: [String(port)] }),
  },
  {
    id: 'node-http',
    title: 'node:http',
    missing: () => undefined,
    version: () => process.versions.node,
    start: (port) => node('node-http.mjs', String(port)),
  },
  {
    id: 'node-http2',
    title: 'node:http2',
    missing: () => undefined,
    version: () => process.versions.node,
    only: ['h2-m32', 'h2-m1', 'h2-one', 'h2-down', 'h2-up'],
    start: (port) => node('node-http2.mjs', String(port)),
  },
  {
    id: 'bun-http2',
    title: 'node:http2 on Bun',
    missing: needsBun,
    version: () => npmVersion('bun'),
    only: ['h2-m32', 'h2-m1', 'h2-one'],
    start: (port) => bun('node-http2.mjs', String(port)),
  },
  {
    id: 'fastify',
    title: 'Fastify',
    missing: () => needsNpm('fastify'),
    version: onNode('fastify'),
    start: (port) => node('fastify.mjs', String(port), npm('fastify')),
  },
  {
    id: 'hono-node',
    title: 'Hono on node-server',
    missing: () => needsNpm('hono', '@hono/node-server'),
    version: onNode('@hono/node-server'),
    start: (port) => node('hono-node-server.mjs', String(port), npm('hono'), npm('@hono/node-server')),
  },
  {
    id: 'hono-bun',
    title: 'Hono on Bun',
    missing: () => needsBun() ?? needsNpm('hono'),
    version: () => npmVersion('bun'),
    start: (port) => bun('bun-hono.mjs', String(port), npmPath('hono')),
  },
];
