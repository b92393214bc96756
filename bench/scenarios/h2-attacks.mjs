/**
 * What a good client feels beside each of the attacks on HTTP/2: its p99, and that of the same without the attack,
 * measured right before and right behind it.
 *
 *     node bench/scenarios/h2-attacks.mjs [--seconds 3] [--engine NAME]... [--attack TEXT]...
 *
 * The attacks are those of the tests (test/h2-attacks.ts, built by `npm run build`), each by a process that begins again
 * whenever it was ended. Server on one core, clients on the other. As in floods.mjs, each figure is given twice: in ms of the
 * clock, which on cores that others use is the scheduler's doing, and in ms of CPU time that the server's thread spent while
 * the client waited, which is the server's own.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatTable, ratio, short } from '../lib/stats.mjs';

const root = new URL('../../', import.meta.url);
const { ATTACKS, attack } = await import(new URL('dist-test/h2-attacks.js', root).href);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    engine: { type: 'string', multiple: true, default: ['iouring', 'epoll', 'node'] },
    attack: { type: 'string', multiple: true, default: [''] },
    from: { type: 'string' },
    port: { type: 'string' },
  },
});
const PAUSE_MS = 2;
const WARM_UP_MS = 1500;
/** For the end of an attack that has sent all that it has. */
const LINGER_MS = 500;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const of = (figures, share) =>
  figures.sort((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * share))];

/** CPU time of the main thread of `pid`, proc(5). */
function threadCpuMs(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function pin(pid, cpu) {
  execFileSync('taskset', ['-a', '-p', '-c', cpu, String(pid)], { stdio: 'ignore' });
}

async function askOnce(client) {
  const stream = client.request({ ':path': '/hello' });
  stream.resume();
  const [fields] = await once(stream, 'response');
  if (fields[':status'] !== 200) throw new Error(`the good client was answered ${fields[':status']}`);
  if (!stream.closed) await once(stream, 'close');
}

/** Asks one thing after the other, resting between. */
async function askQuietly({ port, pid }, ms) {
  const client = connect(`http://127.0.0.1:${port}`);
  const clock = [];
  const cpu = [];
  for (const endMs = performance.now() + ms; performance.now() < endMs; await sleep(PAUSE_MS)) {
    const begunCpuMs = threadCpuMs(pid);
    const begunMs = performance.now();
    await askOnce(client);
    clock.push(performance.now() - begunMs);
    cpu.push(threadCpuMs(pid) - begunCpuMs);
  }
  client.destroy();
  return { clock: of(clock, 0.99), cpu: of(cpu, 0.99), count: clock.length };
}

async function beside(server, name, ms) {
  const attacker = fork(fileURLToPath(import.meta.url), ['--from', name, '--port', String(server.port)]);
  await sleep(300);
  const figures = await askQuietly(server, ms);
  attacker.kill('SIGKILL');
  await once(attacker, 'exit');
  await sleep(200);
  return figures;
}

async function measure(engine) {
  const args = [new URL('dist/index.js', root).href, engine, '60000'];
  const child = fork(fileURLToPath(new URL('test/http2-attacks.app.mjs', root)), args);
  const [{ port }] = await once(child, 'message');
  const server = { port, pid: child.pid };
  pin(child.pid, '0');
  const ms = Number(values.seconds) * 1000;
  const wanted = ATTACKS.filter(({ name }) => values.attack.some((part) => name.includes(part)));
  await askQuietly(server, WARM_UP_MS);
  // Code that attacks need is compiled once.
  for (const { name } of wanted) await beside(server, name, 300);
  const rows = [];
  let before = await askQuietly(server, ms);
  for (const { name } of wanted) {
    const during = await beside(server, name, ms);
    const after = await askQuietly(server, ms);
    const quiet = (figure) => (before[figure] + after[figure]) / 2;
    rows.push([
      `${engine} ${name}`,
      ...['clock', 'cpu'].flatMap((figure) => [
        short(quiet(figure)),
        short(during[figure]),
        short(ratio(during[figure], quiet(figure))),
      ]),
      during.count,
    ]);
    before = after;
  }
  child.kill('SIGKILL');
  return rows;
}

if (values.from !== undefined) {
  const each = ATTACKS.find(({ name }) => name === values.from);
  for (;;)
    await attack(
      { port: Number(values.port), late: '/late', hung: '/never', long: '/video' },
      each,
      LINGER_MS,
    );
}
pin(process.pid, '1');
const header = ['', 'quiet p99 ms', 'beside', 'ratio', 'quiet p99 CPU ms', 'beside', 'ratio', 'answers'];
for (const engine of values.engine) console.log(formatTable([header, ...(await measure(engine))]));
process.exit();
