/** One connection of HTTP/2 of a real thread on the simulated engine, in virtual time: how it ends, and what streams that wait cost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '../base/random.ts';
import { type NetworkFaults, NO_FAULTS } from '../engine/sim/faults.ts';
import { SimNetwork } from '../engine/sim/network.ts';
import type { PeerHandler, SimPeer } from '../engine/sim/peer.ts';
import { SimEngine } from '../engine/sim/sim-engine.ts';
import { HTTP2_PREFACE } from '../protocol/detect.ts';
import * as frame from '../protocol/h2/frames.ts';
import {
  dataOf,
  GET,
  headersOf,
  POST,
  SETTINGS_ACK,
  settingsOf,
  windowUpdateOf,
} from '../protocol/h2/server/core.fixture.ts';
import type { FetchHandler } from '../web/context.ts';
import { Response } from '../web/response.ts';
import { checkOptions, type ServeOptions, type Settings } from './options.ts';
import { ServerThread } from './server-thread.ts';

const MIB = 2 ** 20;
const PIECE_BYTES = 64 * 1024;

/** Counts the content of streams and names the other frames. */
class Client implements PeerHandler {
  peer!: SimPeer;
  hasEnded = false;
  wasReset = false;
  text = '';
  readonly frames: string[] = [];
  readonly content = new Map<number, number>();
  #kept = Buffer.alloc(0);

  onConnect(): void {}

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    const all = Buffer.concat([this.#kept, bytes]);
    let at = 0;
    if (all.subarray(0, 4).toString() === 'HTTP') {
      at = all.indexOf('\r\n\r\n') + 4;
      this.text = all.subarray(0, at).toString();
    }
    while (all.length - at >= 9) {
      const end = at + 9 + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#read(all[at + 3]!, all[at + 4]!, all.readUInt32BE(at + 5), all.subarray(at + 9, end));
      at = end;
    }
    this.#kept = all.subarray(at);
  }

  #read(type: number, flags: number, id: number, payload: Buffer): void {
    const isLast = (flags & frame.FLAG_END_STREAM) !== 0;
    if (type === frame.FRAME_DATA) this.content.set(id, (this.content.get(id) ?? 0) + payload.length);
    if (type === frame.FRAME_RST_STREAM) this.frames.push(`${id} reset ${payload.readUInt32BE(0)}`);
    if (type === frame.FRAME_GOAWAY) this.frames.push(`goaway ${payload.readUInt32BE(4)}`);
    if ((type === frame.FRAME_DATA || type === frame.FRAME_HEADERS) && isLast)
      this.frames.push(`${id} whole`);
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onReset(): void {
    this.wasReset = true;
  }

  say(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.peer.write(part, 0, part.length);
  }

  greet(...settings: number[]): void {
    this.say(HTTP2_PREFACE, settingsOf(...settings), SETTINGS_ACK);
  }
}

interface Stage {
  readonly network: SimNetwork;
  readonly engine: SimEngine;
  connect(receiveBufferBytes?: number): Promise<Client>;
  pass(ms: number): Promise<void>;
}

interface Setting extends Omit<ServeOptions, 'fetch'> {
  readonly fetch: FetchHandler;
  readonly h2?: Settings['h2'];
  readonly faults?: Partial<NetworkFaults>;
}

async function onStage(
  { h2, faults, ...options }: Setting,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const thread = new ServerThread({
    fetch: options.fetch,
    error: undefined,
    settings: { ...checkOptions(options), ...(h2 === undefined ? {} : { h2 }) },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    accessLog: undefined,
    scheme: 'http',
  });
  const network = new SimNetwork(new SeededRandom(1), { ...NO_FAULTS, ...faults });
  const engine = new SimEngine(network, {
    handler: thread,
    keepAlive: { idleSeconds: 2, intervalSeconds: 1, probes: 2 },
  });
  thread.attach(engine);
  const listener = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  const pass = async (ms: number): Promise<void> => {
    let isOver = false;
    network.after(ms, () => {
      isOver = true;
    });
    await network.run(() => isOver);
  };
  await body({
    network,
    engine,
    pass,
    connect: async (receiveBufferBytes = MIB) => {
      const client = new Client();
      client.peer = network.connect({ port: listener.address.port, receiveBufferBytes }, client);
      await pass(50);
      return client;
    },
  });
  void engine.close();
  await network.run(() => false);
  assert.equal(engine.connectionCount, 0);
}

/** Pieces as they are asked for, `bytes` in all, each counted. */
function endless(pulled: (bytes: number) => void, bytes = Number.POSITIVE_INFINITY): Response {
  let left = bytes;
  return new Response(
    new ReadableStream(
      {
        pull: (controller) => {
          const size = Math.min(PIECE_BYTES, left);
          if (size === 0) {
            controller.close();
            return;
          }
          left -= size;
          pulled(size);
          controller.enqueue(new Uint8Array(size));
        },
      },
      { highWaterMark: 0 },
    ),
  );
}

test('a piece after FIN begins the time anew in which a stream may be quiet', async () => {
  let send: () => void = () => {};
  const fetch: FetchHandler = () =>
    new Response(
      new ReadableStream({
        start: (controller) => {
          send = () => controller.enqueue(new Uint8Array(10));
        },
      }),
    );
  await onStage({ fetch }, async ({ connect, pass }) => {
    const client = await connect();
    client.greet();
    client.say(headersOf(1, GET));
    await pass(10);
    client.peer.end();
    for (let i = 0; i < 3; i++) {
      await pass(1500);
      send();
    }
    await pass(1500);
    assert.deepEqual(client.frames, []);
    await pass(1500);
    assert.deepEqual(client.frames, ['1 reset 8']);
  });
});

test('limits.requestsPerConnection counts the request of an upgrade, and heads that are too large', async () => {
  const fetch: FetchHandler = () => new Response('fine');
  await onStage({ fetch, limits: { requestsPerConnection: 1 } }, async ({ connect, pass }) => {
    const upgraded = await connect();
    const head =
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n';
    upgraded.say(Buffer.from(head, 'latin1'));
    await pass(10);
    assert.match(upgraded.text, /^HTTP\/1\.1 101 /);
    assert.deepEqual(upgraded.frames, ['1 whole', 'goaway 0']);
    const large = await connect();
    large.greet();
    large.say(headersOf(1, [...GET, ['x-large', 'a'.repeat(17_000)]]));
    await pass(10);
    assert.deepEqual(large.frames, ['1 whole', 'goaway 0']);
  });
});

test('a body whose end and FIN wait behind a slow reader is read whole', async () => {
  const fetch: FetchHandler = async (request) =>
    request.method === 'GET'
      ? new Response(new Uint8Array(200_000))
      : new Response(String((await request.arrayBuffer()).byteLength));
  const h2 = { unsentBytesMax: 4096 };
  await onStage({ fetch, h2, faults: { sendBufferBytes: 4096 } }, async ({ connect, pass }) => {
    const client = await connect(4096);
    client.greet(frame.SETTINGS_INITIAL_WINDOW_SIZE, MIB);
    client.say(windowUpdateOf(0, MIB));
    client.peer.pauseReading();
    client.say(headersOf(1, POST, false), dataOf(1, 100), headersOf(3, GET));
    await pass(10);
    client.say(dataOf(1, 100, true));
    client.peer.end();
    await pass(10);
    client.peer.resumeReading();
    await pass(1000);
    assert.deepEqual(client.frames.toSorted(), ['1 whole', '3 whole']);
    assert.equal(client.content.get(1), '200'.length);
  });
});

test('a peer that is gone while it has to take an answer is found, however short the idle time is', async () => {
  const fetch: FetchHandler = () => new Response(new Uint8Array(20_000));
  const timeouts = { idle: 300, deadPeer: 4000 };
  await onStage({ fetch, timeouts, faults: { sendBufferBytes: 4096 } }, async ({ engine, connect, pass }) => {
    const client = await connect(4096);
    client.greet();
    client.peer.pauseReading();
    client.say(headersOf(1, GET));
    await pass(10);
    client.peer.vanish();
    await pass(20_000);
    assert.equal(engine.connectionCount, 0);
  });
});

test('99 streams with closed windows cost a piece each, and the hundredth runs as if it were alone', async () => {
  const head = 16 * 1024;
  const bodyBytes = 8 * MIB;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const pulledBy = new Map<string, number>();
  const fetch: FetchHandler = (request) => {
    const path = new URL(request.url).pathname;
    return endless(
      (size) => pulledBy.set(path, (pulledBy.get(path) ?? 0) + size),
      path === '/full' ? bodyBytes : Number.POSITIVE_INFINITY,
    );
  };
  const at = (path: string): typeof GET => [
    ...GET.filter(([name]) => name !== ':path'),
    [':path', path] as const,
  ];
  /** @returns virtual ms until the whole of the last stream is there */
  const fullSpeed = async (stalled: number): Promise<number> => {
    let tookMs = 0;
    const faults = { latencyMsMax: 10, sendBufferBytes: 128 * 1024 };
    await onStage({ fetch, faults }, async ({ network, connect, pass }) => {
      const client = await connect();
      client.greet(frame.SETTINGS_INITIAL_WINDOW_SIZE, 1000);
      client.say(windowUpdateOf(0, 100 * MIB));
      await pass(100);
      const before = used();
      for (let i = 0; i < stalled; i++) client.say(headersOf(1 + 2 * i, at('/stalled')));
      await pass(1000);
      const perStream = (used() - before) / Math.max(stalled, 1);
      assert.ok(perStream <= PIECE_BYTES + head, `${Math.round(perStream)} bytes a stalled stream`);
      for (let i = 0; i < stalled; i++) assert.equal(client.content.get(1 + 2 * i), 1000);
      const id = 1 + 2 * stalled;
      const beganMs = network.nowMs;
      client.say(headersOf(id, at('/full')), windowUpdateOf(id, 100 * MIB));
      for (let tries = 0; tries < 2000 && !client.frames.includes(`${id} whole`); tries++) await pass(10);
      tookMs = network.nowMs - beganMs;
      assert.equal(client.content.get(id), bodyBytes);
    });
    return tookMs;
  };
  const aloneMs = await fullSpeed(0);
  pulledBy.clear();
  const besideMs = await fullSpeed(99);
  assert.ok(besideMs <= 1.05 * aloneMs + 10, `${besideMs} ms beside stalled streams, ${aloneMs} ms alone`);
  const kept = pulledBy.get('/stalled')! - 99 * 1000;
  assert.ok(kept <= 99 * PIECE_BYTES, `${kept} bytes were asked of the sources of stalled streams`);
});
