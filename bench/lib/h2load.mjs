/**
 * h2load (nghttp2) as the load client: HTTP/2 with prior knowledge, and HTTP/1.1 for comparison by the same client. It
 * tells on its output when its window begins and ends, which is when CPU times are read.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { cpuBetween, readCpu, TICKS_PER_SECOND } from './cpu.mjs';
import { CACHE_DIR } from './paths.mjs';

const ANSWER_TIMEOUT_MS = 3000;
const WINDOW_BEGINS = 'Main benchmark duration is started';
const WINDOW_ENDS = 'Main benchmark duration is over';

/** What h2load posts. */
export function contentOf({ fillBytes = 0 }) {
  return Buffer.alloc(fillBytes, 0x2e);
}

/** Does what `measure` of load-clients.mjs does. */
export async function measureByH2load({ workload, port, serverPids, cpus, warmupMs, windowMs }) {
  const args = ['-t', '1', '-c', String(workload.connections), '-m', String(workload.streams)];
  args.push('-D', `${windowMs}ms`, '--warm-up-time', `${warmupMs}ms`);
  if (workload.protocol === 'h1') args.push('--h1');
  const content = contentOf(workload);
  if (content.length > 0) {
    mkdirSync(CACHE_DIR, { recursive: true });
    writeFileSync(`${CACHE_DIR}h2load-content`, content);
    args.push('-d', `${CACHE_DIR}h2load-content`);
  }
  args.push(`http://127.0.0.1:${port}${workload.path}`);
  const child = spawn('taskset', ['-c', cpus, 'h2load', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const readings = [];
  let text = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith(WINDOW_BEGINS) || line.startsWith(WINDOW_ENDS))
      readings.push([readCpu(serverPids()), readCpu([child.pid])]);
    text += `${line}\n`;
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0 || readings.length !== 2) throw new Error(`h2load ended with code ${code}: ${text}`);
  const [[serverBefore, clientBefore], [serverAfter, clientAfter]] = readings;
  // Its thread is gone at the end, and only the process's ticks still know of it.
  const ticks = (reading) => reading.userTicks + reading.systemTicks;
  const clientSeconds = (ticks(clientAfter) - ticks(clientBefore)) / TICKS_PER_SECOND;
  const counts = parseH2load(text);
  // Bodies of a MiB may take longer than a first, short window.
  if (counts.requests === 0 && serverPids().length > 0) throw new Error('h2load has no answer');
  return figuresOf(workload, counts, windowMs / 1000, cpuBetween(serverBefore, serverAfter), clientSeconds);
}

/** A server's code is compiled while it is first asked; that takes longer by the megabyte. */
const FIRST_WARMUP_MS = 3000;

export async function warmByH2load(workload, port, cpus) {
  await measureByH2load({
    workload,
    port,
    serverPids: () => [],
    cpus,
    warmupMs: FIRST_WARMUP_MS,
    windowMs: 100,
  });
}

function figuresOf(workload, { requests, failed }, seconds, server, clientSeconds) {
  const micros = (cpuSeconds) => (cpuSeconds / Math.max(1, requests)) * 1e6;
  const figures = {
    client: 'h2load',
    requests,
    seconds,
    requestsPerSecond: requests / seconds,
    userUs: micros(server.userSeconds),
    systemUs: micros(server.systemSeconds),
    totalUs: micros(server.totalSeconds),
    userSeconds: server.userSeconds,
    serverShare: server.totalSeconds / server.seconds,
    clientShare: clientSeconds / seconds,
    clientUs: micros(clientSeconds),
    otherShare: Math.max(0, (server.machineSeconds - server.totalSeconds - clientSeconds) / server.seconds),
    errors: failed,
  };
  if (workload.bytes === undefined) return figures;
  const gibs = (requests * workload.bytes) / 2 ** 30;
  const msPerGiB = (cpuSeconds) => (cpuSeconds / gibs) * 1000;
  return {
    ...figures,
    mibPerSecond: (gibs * 1024) / seconds,
    userMsPerGiB: msPerGiB(server.userSeconds),
    systemMsPerGiB: msPerGiB(server.systemSeconds),
    totalMsPerGiB: msPerGiB(server.totalSeconds),
  };
}

/** Of the lines that h2load writes at its end: answers with a good status, and what was not one. */
export function parseH2load(text) {
  const counts = /^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed/m.exec(text);
  if (counts === null) throw new Error(`h2load gave no counts: ${text.trim().split('\n').at(-1)}`);
  return { requests: Number(counts[2]), failed: Number(counts[3]) };
}

/** One request by node:http2 before the server is measured. @throws naming what is wrong with the answer */
export function verifyByHttp2({ method, path, check, ...workload }, port) {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const finish = (error) => {
      session.destroy();
      if (error) reject(error);
      else resolve();
    };
    const timer = setTimeout(() => finish(new Error('no whole answer over HTTP/2')), ANSWER_TIMEOUT_MS);
    session.on('error', finish).on('close', () => clearTimeout(timer));
    const content = contentOf(workload);
    const stream = session.request({ ':method': method, ':path': path }, { endStream: content.length === 0 });
    let status = 0;
    let type = '';
    const pieces = [];
    stream.on('error', finish);
    stream.on('response', (fields) => {
      status = fields[':status'];
      type = fields['content-type'] ?? '';
    });
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const body = Buffer.concat(pieces).toString('latin1');
      if (status !== 200) finish(new Error(`answers ${status}`));
      else if (!check({ body, type }))
        finish(new Error(`answers ${JSON.stringify(body.slice(0, 60))} as ${type || 'no type'}`));
      else finish();
    });
    if (content.length > 0) stream.end(content);
  });
}
