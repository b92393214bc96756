/**
 * Main file of a thread that is a good client beside the attacks: one kept connection, a request every few milliseconds, a
 * new connection each second. It has a thread of its own, so that attackers in this process do not delay what it measures.
 * Not imported by anything; good-client.ts starts it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { Wire } from '../wire/wire.ts';
import type { GoodClientData, GoodClientNews } from './good-client.ts';
import { H2Asker } from './h2-asker.ts';

const port = parentPort;
assert(port !== null, 'good-client-main.ts runs in worker threads only');
const { target, everyMs, timeoutMs } = workerData as GoodClientData;

const NEWS_EVERY_MS = 200;
/** One connection must not be everything that is known; and what a wire keeps of its answers is bounded so. */
const REQUESTS_A_CONNECTION = 200;
const REQUEST = `GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\n\r\n`;
const LAST_REQUEST = REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');

let news = emptyNews();
/** What an answer has to be: status and content of the first ones, while these agree. */
let expected: string | undefined;
let isStable = true;
let checked = 0;

function emptyNews(): GoodClientNews {
  return { latencyMs: [], failures: [], wrong: 0, aliveMs: [] };
}

/** @returns undefined when it was answered as it should be */
function check(wire: Wire, index: number): string | undefined {
  const answer = wire.answers.all[index];
  if (wire.answers.nonsense !== undefined) return wire.answers.nonsense;
  if (answer === undefined || !answer.isWhole)
    return wire.isEnded ? 'the connection ended' : 'no answer in time';
  return compare(answer.status, `${answer.status} with ${answer.bodyBytes} bytes (${answer.bodyHash >>> 0})`);
}

function compare(status: number, seen: string): string | undefined {
  if (expected === undefined) expected = seen;
  else if (isStable && expected !== seen) {
    // The second answer may say that content differs each time; later ones may not.
    if (++checked <= 2) isStable = false;
    else return `${seen} in place of ${expected}`;
  } else checked++;
  return status >= 500 ? `status ${status}` : undefined;
}

async function askOn(wire: Wire, index: number, request: string): Promise<number> {
  const fromMs = performance.now();
  wire.write(request);
  await wire.until(() => wire.answers.wholeCount > index || wire.isEnded, timeoutMs);
  return performance.now() - fromMs;
}

async function keepAsking(): Promise<never> {
  for (;;) {
    const wire = new Wire(target);
    await wire.until(() => wire.isConnected || wire.isClosed, timeoutMs);
    for (let index = 0; index < REQUESTS_A_CONNECTION; index++) {
      // A server may end a kept connection between two requests whenever it likes.
      if (wire.isEnded && index > 0) break;
      const tookMs = await askOn(wire, index, REQUEST);
      const isRefusedLate = index > 0 && wire.isEnded && wire.answers.all.length === index;
      if (!isRefusedLate) {
        news.latencyMs.push(tookMs);
        const problem = check(wire, index);
        if (problem !== undefined) fail(problem);
      }
      if (wire.isEnded || wire.answers.wholeCount <= index) break;
      await sleep(everyMs);
    }
    wire.destroy();
    if (!wire.isConnected) await sleep(everyMs);
  }
}

function fail(what: string): void {
  if (/ in place of /.test(what)) news.wrong++;
  if (news.failures.length < 100) news.failures.push(what);
}

/** Liveness: whether somebody who comes new is answered. */
async function comeNew(): Promise<never> {
  for (;;) {
    const wire = new Wire(target);
    const fromMs = performance.now();
    await wire.until(() => wire.isConnected || wire.isClosed, timeoutMs);
    await askOn(wire, 0, LAST_REQUEST);
    const isAnswered = wire.answers.wholeCount > 0;
    news.aliveMs.push(isAnswered ? performance.now() - fromMs : Number.POSITIVE_INFINITY);
    wire.destroy();
    await sleep(1000);
  }
}

/** The same in streams of one connection of HTTP/2. */
async function keepAskingH2(): Promise<never> {
  for (;;) {
    const asker = new H2Asker(target, timeoutMs);
    for (let index = 0; index < REQUESTS_A_CONNECTION && !asker.isEnded; index++) {
      const fromMs = performance.now();
      const seen = await asker.ask();
      news.latencyMs.push(performance.now() - fromMs);
      const problem = seen.failure ?? compare(seen.status, seen.answer);
      // Between two requests a server may say that it goes away.
      if (problem !== undefined && !(index > 0 && asker.wasToldToGo)) fail(problem);
      if (seen.failure !== undefined) break;
      await sleep(everyMs);
    }
    await asker.end();
  }
}

async function comeNewH2(): Promise<never> {
  for (;;) {
    const asker = new H2Asker(target, timeoutMs);
    const fromMs = performance.now();
    const { failure } = await asker.ask();
    news.aliveMs.push(failure === undefined ? performance.now() - fromMs : Number.POSITIVE_INFINITY);
    await asker.end();
    await sleep(1000);
  }
}

setInterval(() => {
  port.postMessage(news);
  news = emptyNews();
}, NEWS_EVERY_MS);
if (target.speech === 'h2') {
  void keepAskingH2();
  void comeNewH2();
} else {
  void keepAsking();
  void comeNew();
}
