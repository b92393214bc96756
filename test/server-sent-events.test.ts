/** Server-sent events over sockets, by HTTP/1.1 and HTTP/2, on every engine that this host offers. */
import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReadEvent, readEvents } from '#src/events/event-reader.fixture.ts';
import { type EventsOptions, type Server, serve, sse } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { connectH2, leave } from './h2-client.ts';
import { quiet } from './quiet-logger.ts';
import { until as untilSo } from './until.ts';

/** A client that reads as it is told to. */
interface Reader {
  readonly text: string;
  readonly isOver: boolean;
  readonly fields: Record<string, unknown>;
  close(): void;
}

const until = (isSo: () => boolean | Promise<boolean>): Promise<void> => untilSo(isSo, `${isSo}`);

type Open = (path: string, fields?: Record<string, string>) => Promise<Reader>;

for (const { engine, skip } of await enginesHere()) {
  describe(`server-sent events (${engine})`, { skip }, () => {
    let server: Server;
    let h2: ClientHttp2Session;
    const ends: string[] = [];
    let returned = 0;

    async function* counting() {
      try {
        for (let i = 0; ; i++) {
          yield { id: `${i}`, data: `tick ${i}` };
          await sleep(2);
        }
      } finally {
        returned++;
      }
    }

    before(async () => {
      server = await serve({
        port: 0,
        engine,
        logger: quiet,
        pubsub: { replay: true },
        timeouts: { linger: 100 },
        fetch(request) {
          const { pathname, searchParams } = new URL(request.url);
          const options: EventsOptions = { onEnd: ({ reason }) => ends.push(reason) };
          if (pathname === '/count') return sse(request, counting(), options);
          if (pathname === '/list') return sse(request, ['a', { data: { b: 1 }, event: 'e' }], options);
          if (pathname === '/send')
            return sse(
              request,
              ({ send, lastEventId }) => void send({ data: `after ${lastEventId}` }),
              options,
            );
          if (pathname === '/beat') return sse(request, () => {}, { ...options, heartbeat: 100 });
          return sse(request, { topics: searchParams.getAll('topic') }, { ...options, retry: '1s' });
        },
      });
      h2 = await connectH2(server.url);
    });
    after(async () => {
      await leave(h2);
      await server.close(true);
    });

    const overHttp1: Open = async (path, headers = {}) => {
      const controller = new AbortController();
      const response = await fetch(server.url + path, { headers, signal: controller.signal });
      const reader = { text: '', isOver: false, fields: Object.fromEntries(response.headers) };
      const read = async () => {
        const decoder = new TextDecoder();
        for await (const piece of response.body!) reader.text += decoder.decode(piece, { stream: true });
        reader.isOver = true;
      };
      read().catch(() => {});
      return Object.assign(reader, { close: () => controller.abort() });
    };
    const overHttp2: Open = async (path, headers = {}) => {
      const stream = h2.request({ ':path': path, ...headers });
      const reader = { text: '', isOver: false, fields: {} as Record<string, unknown> };
      stream.on('error', () => {});
      stream.setEncoding('utf8').on('data', (piece: string) => (reader.text += piece));
      stream.on('end', () => (reader.isOver = true));
      await new Promise<void>((resolve) =>
        stream.once('response', (fields) => {
          reader.fields = fields;
          resolve();
        }),
      );
      return Object.assign(reader, { close: () => stream.close(8) });
    };
    const events = (reader: Reader): ReadEvent[] => readEvents(reader.text).events;

    for (const [name, open] of [
      ['HTTP/1.1', overHttp1],
      ['HTTP/2', overHttp2],
    ] as const) {
      // biome-ignore format: two carriers
      it(`streams an iterable, and ends it once when the client goes (${name})`, async () => {
        const before = returned;
        const reader = await open('/count');
        assert.equal(reader.fields['content-type'], 'text/event-stream');
        assert.equal(reader.fields['cache-control'], 'no-cache');
        await until(() => events(reader).length > 5);
        assert.deepEqual(events(reader)[3], { event: 'message', data: 'tick 3', id: '3' });
        reader.close();
        await until(() => returned > before);
        await sleep(20);
        assert.equal(returned, before + 1);
      });

      it(`ends with its source (${name})`, async () => {
        const reader = await open('/list');
        await until(() => reader.isOver);
        assert.deepEqual(events(reader).map(({ event, data }) => [event, data]), [['message', 'a'], ['e', '{"b":1}']]); // biome-ignore format: one list
      });

      it(`tells a function what the client had last, in any script (${name})`, async () => {
        const id = Buffer.from('größe').toString('latin1');
        const reader = await open('/send', { 'last-event-id': id });
        await until(() => events(reader).length === 1);
        assert.equal(events(reader)[0]!.data, 'after größe');
        reader.close();
      });

      it(`keeps a quiet stream warm (${name})`, async () => {
        const reader = await open('/beat');
        await until(() => readEvents(reader.text).comments.length >= 2);
        reader.close();
      });

      it(`sends topics to all, and to who comes back what it has missed (${name})`, async () => {
        const topic = `news ${name}`;
        const path = `/topics?topic=${encodeURIComponent(topic)}`;
        const readers = await Promise.all([open(path), open(path), open(path)]);
        await until(async () => (await server.subscriberCount(topic)) === 3);
        for (let i = 0; i < 20; i++) server.publish(topic, `line ${i}\nand more`, { event: 'n' });
        for (const reader of readers) await until(() => events(reader).length === 20);
        const first = events(readers[0]!);
        assert.deepEqual([first[0]!.event, first[7]!.data], ['n', 'line 7\nand more']);
        assert.equal(readEvents(readers[0]!.text).retry, 1000);
        for (const reader of readers) reader.close();
        await until(async () => (await server.subscriberCount(topic)) === 0);
        server.publish(topic, 'meanwhile');
        const again = await open(path, { 'last-event-id': first[17]!.id });
        await until(() => events(again).length === 3);
        server.publish(topic, 'now');
        await until(() => events(again).length === 4);
        assert.deepEqual(events(again).map(({ data }) => data), ['line 18\nand more', 'line 19\nand more', 'meanwhile', 'now']); // biome-ignore format: one list
        again.close();
      });
    }

    it('takes a body for HEAD, and answers without a stream', async () => {
      const response = await fetch(`${server.url}/count`, { method: 'HEAD' });
      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      await until(() => ends.at(-1) === 'client-gone');
    });

    it('tells clients at the end of the server, which need not wait for them', async () => {
      const readers = [
        await overHttp1('/topics?topic=t'),
        await overHttp2('/count'),
        await overHttp1('/beat'),
      ];
      await until(async () => (await server.subscriberCount('t')) === 1);
      const startedAtMs = performance.now();
      const closed = server.close();
      for (const reader of readers) {
        await until(() => reader.isOver);
        const { comments, retry } = readEvents(reader.text);
        assert.ok(comments.includes('the server is closing'), reader.text);
        assert.ok(retry !== undefined && retry >= 500 && retry <= 2000);
      }
      await leave(h2);
      const report = await closed;
      assert.equal(report.forced, 0);
      assert.ok(performance.now() - startedAtMs < 8000);
    });
  });
}
