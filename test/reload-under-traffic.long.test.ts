/**
 * A server with threads is reloaded again and again while clients of every kind come, stay and go: each request is answered
 * whole, and each long one is told that it ends.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { constants } from 'node:http2';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { answerOf, connectH2, leave } from './h2-client.ts';
import { quiet } from './quiet-logger.ts';

const MODULE = fileURLToPath(new URL('../test/reload-under-traffic.app.mjs', import.meta.url));
const RELOADS = 3;
const RELOAD_EVERY_MS = 400;

/** How often each thing happened. */
class Tally {
  readonly counts = new Map<string, number>();
  isOver = false;

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** Does `round` until the end, and counts what it says or fails with. */
  async repeat(kind: string, round: () => Promise<string>): Promise<void> {
    while (!this.isOver) {
      const outcome = await round().catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
      this.add(`${kind}: ${outcome}`);
    }
  }
}

async function answered(url: string, agent: Agent): Promise<string> {
  const [answer] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  return `${answer.statusCode} ${(await text(answer)).length}`;
}

/** Content that is still being sent when the server is reloaded. */
async function echoed(url: string, agent: Agent): Promise<string> {
  const upload = request(url, { agent, method: 'POST' });
  const response = once(upload, 'response') as Promise<[IncomingMessage]>;
  for (let i = 0; i < 5; i++) {
    upload.write('x'.repeat(1000));
    await sleep(20);
  }
  upload.end();
  const [answer] = await response;
  return `${answer.statusCode} ${(await text(answer)).length}`;
}

/** Until the server ends it, or the client at the end of all. */
async function eventsRead(url: string, tally: Tally): Promise<string> {
  const asked = get(url, { agent: false });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const whole = text(answer).then(
    (all) => (all.includes(': the server is closing\n') ? 'told' : 'not told'),
    (error: NodeJS.ErrnoException) => (tally.isOver ? 'left' : (error.code ?? error.message)),
  );
  while (!tally.isOver) if ((await Promise.race([whole, sleep(20)])) !== undefined) return whole;
  asked.destroy();
  return whole;
}

async function socketClosed(url: string, tally: Tally): Promise<string> {
  const socket = new WebSocket(url);
  const closed = once(socket, 'close') as Promise<[number]>;
  await once(socket, 'open');
  while (socket.readyState === WebSocket.OPEN && !tally.isOver) {
    socket.send('x');
    await Promise.race([once(socket, 'message'), closed]);
    await sleep(5);
  }
  socket.close(1000);
  const [code] = await closed;
  return `${code}`;
}

/** One connection for as long as the server keeps it. */
async function streamed(url: string, tally: Tally): Promise<string> {
  const client = await connectH2(url);
  let isGoing = false;
  client.on('goaway', () => (isGoing = true));
  client.on('close', () => (isGoing = true));
  try {
    while (!isGoing && !tally.isOver) {
      const stream = client.request({ ':path': '/slow' });
      const { status, text: content } = await answerOf(stream).catch((error) => {
        // RFC 9113 §8.7: has not been processed, and is sent again elsewhere.
        if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return { status: 0, text: '' };
        throw error;
      });
      if (status !== 0) tally.add(`stream: ${status} ${content.length}`);
    }
    return 'ended';
  } finally {
    await leave(client);
  }
}

describe('a reload under traffic', async () => {
  for (const { engine, skip } of await enginesHere())
    it(`costs no client anything (${engine})`, { skip }, async () => {
      const errors: unknown[] = [];
      const logger = { ...quiet, error: (...said: unknown[]) => errors.push(said) };
      const workers = process.platform === 'linux' ? 2 : 1;
      const server = await serve({ module: MODULE, workers, port: 0, hostname: '127.0.0.1', engine, logger });
      const { origin, host } = new URL(server.url);
      const tally = new Tally();
      const agent = new Agent({ keepAlive: true });
      const clients = Array.from({ length: 6 }, () => [
        tally.repeat('get', () => answered(`${origin}/`, agent)),
        tally.repeat('slow', () => answered(`${origin}/slow`, agent)),
        tally.repeat('echo', () => echoed(`${origin}/echo`, agent)),
        tally.repeat('events', () => eventsRead(`${origin}/events`, tally)),
        tally.repeat('socket', () => socketClosed(`ws://${host}/socket`, tally)),
        tally.repeat('client', () => streamed(origin, tally)),
      ]).flat();
      for (let i = 0; i < RELOADS; i++) {
        await sleep(RELOAD_EVERY_MS);
        await server.reload();
      }
      await sleep(RELOAD_EVERY_MS);
      tally.isOver = true;
      await Promise.all(clients);
      agent.destroy();
      await server.close();

      const expected = [
        'get: 200 6',
        'slow: 200 6',
        'echo: 200 5000',
        'stream: 200 6',
        'client: ended',
        'events: told',
        'events: left',
        'socket: 1001',
        'socket: 1000',
      ]; // prettier
      for (const what of expected) assert.ok(tally.of(what) > 0, `${what}: never, but ${[...tally.counts]}`);
      const others = [...tally.counts].filter(([what]) => !expected.includes(what));
      assert.deepEqual(others, []);
      assert.deepEqual(errors, []);
    });
});
