/**
 * Starts PostgreSQL and Redis for the applications in examples/apps, on free ports of loopback and in a folder of their own,
 * and runs a command that finds them by DATABASE_URL and REDIS_URL; without a command they serve until interrupted.
 *
 *     node scripts/services.mjs [--only postgres,redis] [-- COMMAND...]
 *
 * The servers are those of Debian's packages `postgresql` and `redis-server`. Nothing is left behind: no data, no process.
 * PostgreSQL does not run as root; there it runs as `postgres`, or `nobody`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const START_MS = 30_000;
const END_MS = 10_000;

/** What each service is started by, or `undefined` where it is not installed. */
const FINDERS = { postgres: findPostgres, redis: () => findInPath('redis-server') };

/** Whether a service can be started here. */
export function hasService(name) {
  return FINDERS[name]() !== undefined;
}

/**
 * @param names of FINDERS
 * @returns `env` for programs that use them; `stop(name, signal)` and `start(name)`, so that a test can take one away and
 *   give it back on the same port with its data; `close()`, which ends and deletes all
 * @throws Error that names the package which is not installed, or what a server said
 */
export async function startServices(names = Object.keys(FINDERS)) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-services-'));
  const services = new Map();
  const close = async () => {
    await Promise.all([...services.values()].map((service) => service.stop('SIGINT')));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const name of names) {
      const program = FINDERS[name]?.();
      if (program === undefined)
        throw new Error(`${name} is not installed here (Debian: postgresql, redis-server)`);
      const port = await freePort();
      const make = name === 'postgres' ? postgres : redis;
      const service = new Service(name, port, make(program, port, folder));
      services.set(name, service);
      await service.start();
    }
  } catch (error) {
    await close();
    throw error;
  }
  const env = {};
  for (const { settings } of services.values()) Object.assign(env, settings.url);
  const find = (name) => {
    const service = services.get(name);
    if (service === undefined) throw new Error(`${name} was not started`);
    return service;
  };
  return {
    env,
    stop: (name, signal = 'SIGINT') => find(name).stop(signal),
    start: (name) => find(name).start(),
    close,
  };
}

class Service {
  #child;
  #said = '';

  constructor(name, port, settings) {
    this.name = name;
    this.port = port;
    this.settings = settings;
  }

  async start() {
    const { command, args, options } = this.settings;
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece) => (this.#said = (this.#said + piece).slice(-4000)));
    const ended = once(child, 'exit');
    // Whatever ends this process ends the server.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.removeListener('exit', kill));
    const deadline = Date.now() + START_MS;
    while (!(await this.settings.isReady(this.port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await this.stop('SIGKILL');
        throw new Error(`${this.name} did not start: ${this.#said.trim()}`);
      }
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
  }

  async stop(signal) {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const kill = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(kill);
  }
}

function redis(program, port, folder) {
  return {
    command: program,
    args: [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ],
    options: {},
    url: { REDIS_URL: `redis://127.0.0.1:${port}` },
    isReady: (at) => says(at, 'PING\r\n', /^\+PONG/),
  };
}

function postgres(folderOfPrograms, port, folder) {
  const data = path.join(folder, 'postgres');
  const options = { cwd: folder, ...(process.getuid?.() === 0 ? ordinaryUser() : {}) };
  if (options.uid !== undefined) chownSync(folder, options.uid, options.gid);
  const program = (name) => path.join(folderOfPrograms, name);
  execFileSync(program('initdb'), ['-D', data, '-U', 'holdfast', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...options,
    stdio: 'ignore',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return {
    command: program('postgres'),
    args: ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder],
    options,
    url: { DATABASE_URL: `postgres://holdfast@127.0.0.1:${port}/postgres` },
    // A request for TLS is answered by one letter as soon as clients are taken.
    isReady: (at) => says(at, '\0\0\0\x08\x04\xd2\x16\x2f', /^[NS]/),
  };
}

/** Whether what listens there answers so. */
function says(port, question, answer) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(question, 'latin1'));
    const finish = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.on('error', () => finish(false)).on('end', () => finish(false));
    socket.on('data', (piece) => finish(answer.test(piece.toString('latin1'))));
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns its folder: Debian keeps these programs out of PATH, by version. */
function findPostgres() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => path.join(root, version, 'bin'));
  const inPath = findInPath('postgres');
  if (inPath !== undefined) folders.unshift(path.dirname(inPath));
  return folders.find((folder) => existsSync(path.join(folder, 'initdb')));
}

function findInPath(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

function ordinaryUser() {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {}
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody"');
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' } },
  });
  const services = await startServices(values.only?.split(','));
  if (positionals.length === 0) {
    for (const [name, value] of Object.entries(services.env)) console.log(`${name}=${value}`);
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    await services.close();
    return;
  }
  const [command, ...args] = positionals;
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...services.env } });
  // A terminal sends ^C to the command as well, which ends when it is ready to.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
  const [code, signal] = await Promise.race([
    once(child, 'exit'),
    once(child, 'error').then(([error]) => {
      console.error(`${command}: ${error.message}`);
      return [127, null];
    }),
  ]);
  await services.close();
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
