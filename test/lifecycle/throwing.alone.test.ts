/**
 * A handler that throws costs the server little more than the same handler that answers 500 for its error
 * itself, whoever reads the log. The error is made in both: V8 takes 6 to 18 us to make one, by the depth of
 * the stack, which is more than a whole answer and no doing of the server. The share of a handler that
 * makes no error is told beside it.
 */
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { type Figures, judged, percentile, scaled } from './figures.ts';
import { Subject } from './subject-process.ts';

const CONNECTION_COUNT = 16;
/**
 * Requests sent at once on each connection. One is what clients do, and then this process is the bottleneck:
 * so what counts is how many answers a second of the server's processor gives, which is its throughput
 * when it has the load.
 */
const PIPELINED = 1;
const ROUND_MS = scaled(2000, 120);
const ROUNDS = scaled(5, 3);
/** Short rounds tell less: there a log that blocks, which cost 14-fold, still fails by far. */
const SHARE_MIN = scaled(0.8, 0.6);

interface Rate {
  perSecond: number;
  perCpuSecond: number;
  serverCpuPercent: number;
}

async function load(subject: Subject, path: string): Promise<Rate> {
  const before = await subject.cpu();
  let answered = 0;
  const endMs = performance.now() + ROUND_MS;
  const batch = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: load\r\n\r\n`.repeat(PIPELINED));
  await Promise.all(
    Array.from(
      { length: CONNECTION_COUNT },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect({ port: subject.port, host: '127.0.0.1', noDelay: true });
          let batchBytes = 0;
          let received = 0;
          let first = '';
          socket.on('connect', () => socket.write(batch));
          socket.on('error', reject);
          socket.on('data', (data: Buffer) => {
            received += data.length;
            if (batchBytes === 0) {
              // All answers of one path have one length: the first batch tells it.
              first += data.toString('latin1');
              const head = first.indexOf('\r\n\r\n') + 4;
              const length = Number(/content-length: (\d+)/i.exec(first)?.[1]);
              if (!first.startsWith('HTTP/1.1 500 ')) return reject(new Error(first.slice(0, 200)));
              if (head > 3 && first.length >= head + length) batchBytes = PIPELINED * (head + length);
            }
            if (batchBytes === 0 || received < batchBytes) return;
            received -= batchBytes;
            answered += PIPELINED;
            if (performance.now() < endMs) socket.write(batch);
            else socket.destroy();
          });
          socket.on('close', () => resolve());
        }),
    ),
  );
  const after = await subject.cpu();
  const cpuSeconds = (after.cpuUs - before.cpuUs) / 1e6;
  const seconds = (after.atMs - before.atMs) / 1000;
  return {
    perSecond: answered / seconds,
    perCpuSecond: answered / cpuSeconds,
    serverCpuPercent: (100 * cpuSeconds) / seconds,
  };
}

async function measure(t: TestContext, engine: EngineName, logger: 'null' | 'stderr'): Promise<Figures> {
  const subject = await Subject.start(t, { engine, logger });
  for (const path of ['/failed', '/caught', '/throw']) await load(subject, path);
  const rounds: { returned: Rate; caught: Rate; thrown: Rate }[] = [];
  // Interleaved, so that a neighbour on the machine hurts all alike.
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({
      returned: await load(subject, '/failed'),
      caught: await load(subject, '/caught'),
      thrown: await load(subject, '/throw'),
    });
  const median = (value: (round: (typeof rounds)[number]) => number) => percentile(rounds.map(value), 0.5);
  return {
    share: median(({ thrown, caught }) => thrown.perCpuSecond / caught.perCpuSecond),
    shareOfAnswersASecond: median(({ thrown, caught }) => thrown.perSecond / caught.perSecond),
    shareOfNoErrorAtAll: median(({ thrown, returned }) => thrown.perCpuSecond / returned.perCpuSecond),
    usReturned: median(({ returned }) => 1e6 / returned.perCpuSecond),
    usCaught: median(({ caught }) => 1e6 / caught.perCpuSecond),
    usThrown: median(({ thrown }) => 1e6 / thrown.perCpuSecond),
    thrownPerSecond: median(({ thrown }) => thrown.perSecond),
    serverCpuPercent: median(({ thrown }) => thrown.serverCpuPercent),
  };
}

for (const { engine, skip } of await enginesHere())
  for (const [logger, where] of [
    ['null', '/dev/null'],
    ['stderr', 'a pipe that nobody reads'],
  ] as const)
    test(
      `a handler that throws at every request is as fast as one that answers 500, logging to ${where} (${engine})`,
      { skip },
      (t) =>
        judged(
          t,
          `throwing, log to ${where}`,
          engine,
          () => measure(t, engine, logger),
          (figures) => {
            if (Number(figures['share']) < SHARE_MIN)
              throw new Error(
                `${JSON.stringify(figures)}: at least ${SHARE_MIN} of the throughput is wanted`,
              );
          },
        ),
    );
