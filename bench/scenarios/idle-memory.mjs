/**
 * What an idle keep-alive connection costs the process: 10,000 connections that have each had one answer
 * and then say nothing. The growth of the process's resident memory is divided by their number; sockets
 * live in the kernel and are not part of it.
 *
 * Both readings are of a process that has settled: before the first, a load of its own fills heaps and
 * buffers as they would be in service, so that what is left to see is the connections.
 *
 *   node bench/scenarios/idle-memory.mjs [PEER=holdfast] [CONNECTIONS=10000]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { measure } from '../lib/load-clients.mjs';
import { CLIENT } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { PEERS } from '../peers.mjs';
import { requestBytes, WORKLOADS } from '../workloads.mjs';

const PORT = 19_302;
/** Opened at once: below every listen backlog here, so that no SYN is dropped and retried. */
const WAVE = 200;
const SETTLE_MS = 2000;
const PLAINTEXT = WORKLOADS.find((workload) => workload.id === 'plaintext');

export async function measureIdleMemory(peerId = 'holdfast', connectionCount = 10_000) {
  const peer = PEERS.find((each) => each.id === peerId);
  if (peer === undefined) throw new Error(`no peer ${peerId}`);
  const missing =
    peer.missing() ?? (existsSync(CLIENT) ? undefined : 'bench/client is not built (node bench/setup.mjs)');
  if (missing !== undefined) throw new Error(missing);
  needDescriptors(connectionCount + 100);
  const server = new ServerProcess(peer.id, PORT, peer.start(PORT), '0');
  const sockets = [];
  try {
    await server.ready();
    await warm(server);
    const before = await settled(server);
    const request = requestBytes(PLAINTEXT, PORT);
    while (sockets.length < connectionCount) {
      const wave = Math.min(WAVE, connectionCount - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: wave }, () => openIdle(request)))));
    }
    const after = await settled(server);
    const alive = sockets.filter((socket) => !socket.destroyed).length;
    if (alive < connectionCount)
      throw new Error(`${connectionCount - alive} of ${connectionCount} connections were closed`);
    return {
      peer: peer.id,
      connections: connectionCount,
      bytesPerConnection: Math.round((after - before) / connectionCount),
      residentBytesBefore: before,
      residentBytesAfter: after,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.end();
  }
}

function warm(server) {
  return measure({
    client: 'own',
    workload: { ...PLAINTEXT, connections: 256 },
    port: PORT,
    serverPids: () => server.pids(),
    cpus: '1',
    warmupMs: 100,
    windowMs: 2000,
  });
}

/** Resident bytes of the tree, the least of several readings: garbage comes and goes, connections stay. */
async function settled(server) {
  let least = Number.POSITIVE_INFINITY;
  await sleep(SETTLE_MS);
  for (let i = 0; i < 5; i++) {
    let bytes = 0;
    for (const pid of server.pids()) bytes += residentBytes(readFileSync(`/proc/${pid}/status`, 'utf8'));
    least = Math.min(least, bytes);
    await sleep(200);
  }
  return least;
}

/** VmRSS of proc_pid_status(5). */
export function residentBytes(status) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Connects, has one answer, and leaves the connection open. */
function openIdle(request) {
  return new Promise((resolve, reject) => {
    const socket = createConnection(PORT, '127.0.0.1', () => socket.write(request));
    socket.once('error', reject);
    socket.once('data', () => {
      socket.off('error', reject);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

function needDescriptors(count) {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  if (limit !== 'unlimited' && Number(limit) < count)
    throw new Error(`ulimit -n is ${limit}, ${count} are needed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [peer, count] = process.argv.slice(2);
  console.log(JSON.stringify(await measureIdleMemory(peer, count === undefined ? undefined : Number(count))));
}
