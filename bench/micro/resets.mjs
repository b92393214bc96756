/**
 * What it costs to reset a connection among few and among many, in CPU-microseconds, for each engine: a
 * server that is drained by force, or finds a rack of dead peers, ends thousands at once, and nothing else
 * is served meanwhile. The clients are in this process, so some of their half of each end is in it too.
 * The ratio should be near 1: what is under way for one connection must not be searched for among all.
 * Run after a build: `node bench/micro/resets.mjs`.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { selectEngine } from '../../dist/engine/select.js';

const FEW = 500;
const MANY = 8000;
const RUNS = 5;

/** @returns CPU-microseconds for each of `FEW` resets while `open` connections are open */
async function measure(engineName, open) {
  const connections = [];
  let closed = 0;
  const handler = {
    onAccept: (conn) => connections.push(conn),
    onReceive() {},
    onDrained() {},
    onPeerEnd: (conn) => conn.close('peer'),
    onDeadline() {},
    onClosed: () => closed++,
  };
  const engine = await (await selectEngine(engineName)).create({ handler });
  const listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const clients = [];
  while (clients.length < open) {
    const made = Array.from({ length: Math.min(500, open - clients.length) }, () =>
      dial(listener.address.port),
    );
    clients.push(...(await Promise.all(made)));
    while (connections.length < clients.length) await sleep(1);
  }
  const before = process.cpuUsage();
  for (let i = 0; i < FEW; i++) connections[Math.floor((i * open) / FEW)].reset('bench');
  while (closed < FEW) await sleep(0);
  const { user, system } = process.cpuUsage(before);
  for (const client of clients) client.destroy();
  await listener.close();
  await engine.close();
  return (user + system) / FEW;
}

function dial(port) {
  return new Promise((resolve, reject) => {
    const client = connect(port, '127.0.0.1', () => resolve(client.on('error', () => {})));
    client.once('error', reject);
  });
}

for (const engine of ['iouring', 'epoll', 'node']) {
  const best = { [FEW]: Number.POSITIVE_INFINITY, [MANY]: Number.POSITIVE_INFINITY };
  for (let run = 0; run < RUNS; run++)
    for (const open of [FEW, MANY]) best[open] = Math.min(best[open], await measure(engine, open));
  const ratio = (best[MANY] / best[FEW]).toFixed(2);
  console.log(
    `${engine}: ${best[FEW].toFixed(1)} us a reset of ${FEW}, ${best[MANY].toFixed(1)} us among ${MANY} (${ratio})`,
  );
}
