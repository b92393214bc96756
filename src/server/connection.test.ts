/** One connection of a real thread on the simulated engine, in virtual time: what the client sees and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { NO_FAULTS } from '../engine/sim/faults.ts';
import { SimNetwork } from '../engine/sim/network.ts';
import type { PeerHandler, SimPeer } from '../engine/sim/peer.ts';
import { SimEngine } from '../engine/sim/sim-engine.ts';
import type { FetchHandler } from '../web/context.ts';
import { Response } from '../web/response.ts';
import { checkOptions, type ServeOptions } from './options.ts';
import { ServerThread } from './server-thread.ts';

class Client implements PeerHandler {
  text = '';
  hasEnded = false;
  wasReset = false;
  peer!: SimPeer;

  onConnect(): void {}

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString('latin1');
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onReset(): void {
    this.wasReset = true;
  }

  say(text: string): void {
    this.peer.write(Buffer.from(text, 'latin1'), 0, text.length);
  }

  get statuses(): string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]!);
  }

  /** What follows the first head. */
  get content(): string {
    return this.text.slice(this.text.indexOf('\r\n\r\n') + 4);
  }
}

interface Stage {
  readonly thread: ServerThread;
  readonly engine: SimEngine;
  connect(options?: { receiveBufferBytes?: number }): Promise<Client>;
  pass(ms: number): Promise<void>;
}

const hello = () => new Response('hello') as unknown as globalThis.Response;

async function onStage(
  options: Omit<ServeOptions, 'fetch'> & { fetch?: FetchHandler },
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const fetch = options.fetch ?? hello;
  const thread = new ServerThread({
    fetch,
    error: undefined,
    settings: checkOptions({ ...options, fetch }),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    accessLog: undefined,
    scheme: 'http',
  });
  const network = new SimNetwork(new SeededRandom(1), NO_FAULTS);
  const keepAlive = { idleSeconds: 60, intervalSeconds: 6, probes: 10 };
  const engine = new SimEngine(network, { handler: thread, keepAlive });
  thread.attach(engine);
  const listener = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  const pass = async (ms: number) => {
    let over = false;
    network.after(ms, () => {
      over = true;
    });
    await network.run(() => over);
  };
  await body({
    thread,
    engine,
    pass,
    connect: async ({ receiveBufferBytes = 1 << 20 } = {}) => {
      const client = new Client();
      client.peer = network.connect({ port: listener.address.port, receiveBufferBytes }, client);
      await pass(5);
      return client;
    },
  });
  void engine.close();
  await network.run(() => false);
  assert.equal(engine.connectionCount, 0);
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok';

test('an empty line behind a body begins no request: the idle time goes on, the header time does not begin', async () => {
  for (const emptyLine of [['\r\n'], ['\r', '\n'], ['\r'], ['\r\n', '\r\n']]) {
    await onStage({ timeouts: { header: 100, idle: 1000 } }, async ({ connect, pass }) => {
      const client = await connect();
      client.say(POST);
      for (const piece of emptyLine) {
        client.say(piece);
        await pass(10);
      }
      await pass(800);
      assert.equal(client.hasEnded, false);
      client.say(emptyLine.at(-1) === '\r' ? `\n${GET}` : GET);
      await pass(10);
      assert.deepEqual(client.statuses, ['200', '200']);
      client.say('\r\n');
      await pass(900);
      assert.equal(client.hasEnded, false);
      await pass(200);
      assert.equal(client.hasEnded, true, 'the idle time is not moved by an empty line');
      assert.deepEqual(client.statuses, ['200', '200']);
    });
  }
});

test('the header time begins with the first byte behind the empty line', async () => {
  await onStage({ timeouts: { header: 100, idle: 1000 } }, async ({ connect, pass }) => {
    const client = await connect();
    client.say(`${POST}\r\n`);
    await pass(300);
    client.say('G');
    await pass(60);
    client.say('E');
    await pass(60);
    assert.deepEqual(client.statuses, ['200', '408']);
    assert.equal(client.hasEnded, true);
  });
});

test('FIN behind an empty line ends an idle connection, and so does a drain', async () => {
  await onStage({}, async ({ thread, engine, connect, pass }) => {
    const fin = await connect();
    fin.say(`${POST}\r\n`);
    await pass(10);
    fin.peer.end();
    await pass(10);
    assert.equal(fin.hasEnded, true);
    const drained = await connect();
    drained.say(`${POST}\r\n`);
    await pass(10);
    thread.drain(0);
    await pass(10);
    assert.equal(drained.hasEnded, true);
    assert.equal(engine.connectionCount, 0);
  });
});

test('an empty line that had to wait behind answers leaves the idle time to end the connection', async () => {
  const fetch = () => new Response('x'.repeat(40_000)) as unknown as globalThis.Response;
  await onStage({ timeouts: { header: 100, idle: 1000 }, fetch }, async ({ connect, engine, pass }) => {
    const client = await connect({ receiveBufferBytes: 1000 });
    client.peer.pauseReading();
    client.say(`${GET.repeat(4)}\r\n`);
    await pass(2000);
    assert.equal(engine.connectionCount, 1, 'whoever has not taken its answers is not idle');
    client.peer.resumeReading();
    await pass(2500);
    assert.deepEqual(client.statuses, ['200', '200', '200', '200']);
    assert.equal(client.hasEnded, true);
  });
});

test('no fault is answered to HEAD with content, and each is to GET', async () => {
  const never: FetchHandler = () => new Promise(() => {});
  const bodyRead: FetchHandler = async (request) => {
    await request.text();
    return hello();
  };
  const faults: Record<string, [rest: string, FetchHandler?]> = {
    400: [' / HTTP/1.1\r\nHost: a b\r\n\r\n'],
    '400 of a target': [' x HTTP/1.1\r\n'],
    408: [' / HTTP/1.1\r\nHos'],
    '408 in a target': [' /'],
    '408 of a body': [' / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx', bodyRead],
    413: [' / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n'],
    '413 of chunks': [' / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n', never],
    '400 of chunks': [' / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab', never],
    414: [` /${'x'.repeat(9000)}`],
    417: [' / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'],
    431: [` / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}`],
    501: [' / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    503: [' / HTTP/1.1\r\nHost: a\r\n\r\n', never],
    505: [' / HTTP/2.0\r\nHost: a\r\n\r\n'],
  };
  for (const [name, [rest, fetch = hello]] of Object.entries(faults)) {
    for (const method of ['HEAD', 'GET']) {
      const timeouts = { header: 50, body: 50, handler: 80 };
      await onStage({ fetch, timeouts }, async ({ connect, pass }) => {
        const client = await connect();
        client.say(method);
        client.say(rest);
        await pass(120);
        const what = `${method} ${name}: ${client.text}`;
        assert.deepEqual(client.statuses, [name.slice(0, 3)], what);
        const length = Number(/content-length: (\d+)/i.exec(client.text)![1]);
        assert.ok(length > 20, what);
        assert.equal(client.content.length, method === 'HEAD' ? 0 : length, what);
      });
    }
  }
});

test('a connection over the limit is answered without content, whatever it is going to ask', async () => {
  await onStage({ limits: { connections: 1 } }, async ({ connect, pass }) => {
    await connect();
    const client = await connect();
    client.say('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    await pass(10);
    assert.deepEqual(client.statuses, ['503']);
    assert.match(client.text, /content-length: 0\r\n/i);
    assert.equal(client.content, '');
    assert.equal(client.hasEnded, true);
  });
});

test('who is refused and takes nothing is reset when lingering is over, and is not waited for', async () => {
  await onStage(
    { limits: { connections: 1 }, timeouts: { linger: 200 } },
    async ({ thread, engine, connect, pass }) => {
      const served = await connect();
      // Windows that never open: nothing of the answer is ever acknowledged.
      const closed: Client[] = [];
      for (let i = 0; i < 3; i++) closed.push(await connect({ receiveBufferBytes: 0 }));
      assert.equal(engine.connectionCount, 4);
      // Whatever they go on to send.
      for (let i = 0; i < 5; i++) {
        await pass(30);
        for (const each of closed) each.say('x');
      }
      await pass(80);
      assert.equal(engine.connectionCount, 1);
      for (const each of closed) assert.equal(each.wasReset, true);
      assert.equal(thread.deadlines.linger, 3);
      served.say(GET);
      await pass(10);
      assert.deepEqual(served.statuses, ['200']);
    },
  );
});

test('beyond a thousand that wait to see their refusal, connections are reset at once', async () => {
  const timeouts = { header: '1m', linger: '1m' };
  await onStage({ limits: { connections: 1 }, timeouts }, async ({ engine, connect, pass }) => {
    await connect();
    const refused: Client[] = [];
    for (let i = 0; i < 1030; i++) refused.push(await connect({ receiveBufferBytes: 0 }));
    await pass(10);
    assert.equal(engine.connectionCount, 1 + 1024);
    assert.equal(refused.filter((each) => each.wasReset).length, 6);
  });
});

test('connections that were refused hold no place of their address', async () => {
  await onStage({ limits: { connectionsPerAddress: 1 } }, async ({ connect, pass }) => {
    const first = await connect();
    const refused = await connect({ receiveBufferBytes: 0 });
    first.peer.end();
    await pass(10);
    const next = await connect();
    next.say(GET);
    await pass(10);
    assert.deepEqual(next.statuses, ['200']);
    assert.equal(refused.text, '');
  });
});

test('a slow reader of an answer that a handler gave is waited for, as before', async () => {
  await onStage({ timeouts: { linger: 200 } }, async ({ connect, pass }) => {
    const client = await connect({ receiveBufferBytes: 10 });
    client.peer.pauseReading();
    client.say('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await pass(3000);
    client.peer.resumeReading();
    await pass(100);
    assert.match(client.text, /hello$/);
  });
});

test('a client that writes all of a body before it reads gets to see that it is too large', async () => {
  await onStage({ limits: { bodyBytes: 1000 }, timeouts: { linger: 200 } }, async ({ connect, pass }) => {
    const client = await connect();
    client.peer.pauseReading();
    client.say('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n');
    const piece = 'x'.repeat(1_000_000);
    // 100 MB, in ten seconds: longer than the time without data, and more than any limit on a body.
    for (let i = 0; i < 100; i++) {
      client.say(piece);
      await pass(100);
    }
    assert.equal(client.wasReset, false);
    assert.equal(client.peer.unsentBytes, 0);
    client.peer.resumeReading();
    await pass(50);
    assert.deepEqual(client.statuses, ['413']);
  });
});

test('a client that goes on sending after the last answer is heard out for half a minute and no longer', async () => {
  await onStage({}, async ({ engine, connect, pass }) => {
    const client = await connect();
    client.say('GET / HTTP/1.1\r\n\r\n');
    for (let second = 1; second < 30; second++) {
      client.say('x');
      await pass(1000);
      assert.equal(engine.connectionCount, 1, `after ${second} s`);
    }
    client.say('x');
    await pass(1500);
    assert.equal(engine.connectionCount, 0);
    assert.deepEqual(client.statuses, ['400']);
  });
});

test('an exception that leaves a turn costs its own connection only', async () => {
  const seen: string[] = [];
  const fetch: FetchHandler = (request) => {
    seen.push(`${request.method} ${request.url} ${request.headers.get('x-a')}`);
    return hello();
  };
  await onStage({ fetch }, async ({ thread, engine, connect, pass }) => {
    const other = await connect();
    other.say('GET /half HTTP/1.1\r\nHost: b\r\nX-A: ');
    await pass(5);
    const { exchangeBegun } = thread;
    thread.exchangeBegun = () => {
      throw new Error('a fault of ours');
    };
    const broken = await connect();
    const boom = `POST /boom HTTP/1.1\r\nHost: secret\r\nContent-Length: 0\r\nX-A: ${'a'.repeat(50)}\r\n\r\n`;
    broken.say(boom + boom);
    await assert.rejects(pass(5), /a fault of ours/);
    thread.exchangeBegun = exchangeBegun;
    await pass(5);
    assert.equal(broken.wasReset, true);
    other.say('1\r\n\r\n');
    const third = await connect();
    third.say(GET);
    await pass(5);
    assert.deepEqual(seen, ['GET http://b/half 1', 'GET http://a/ null']);
    assert.equal(engine.connectionCount, 2);
  });
});

test('an exception at a deadline leaves no connection without one', async () => {
  await onStage({ timeouts: { header: 100 } }, async ({ thread, engine, connect, pass }) => {
    const { countStatus } = thread;
    const client = await connect();
    client.say('GET ');
    thread.countStatus = () => {
      throw new Error('a fault of ours');
    };
    await assert.rejects(pass(200), /a fault of ours/);
    thread.countStatus = countStatus;
    await pass(50);
    assert.equal(client.wasReset, true);
    assert.equal(engine.connectionCount, 0);
  });
});

test('FIN in each state: what was asked whole is answered, what was not is given up', async () => {
  const cases: Record<string, [sent: string, statuses: string[]]> = {
    'before the first byte': ['', []],
    'within a head': ['GET / HTTP/1.1\r\nHos', []],
    'within an empty line': ['\r', []],
    'behind an empty line': ['\r\n', []],
    'behind a request': [GET, ['200']],
    'behind pipelined requests': [GET + POST + GET, ['200', '200', '200']],
    'behind requests and an empty line': [`${POST}\r\n`, ['200']],
    'behind a request, within a head': [`${GET}GET / HT`, ['200']],
    'within a body': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no', []],
    'behind a refused head': ['GET / HTTP/1.1\r\n\r\n', ['400']],
  };
  for (const isAsync of [false, true]) {
    const fetch: FetchHandler = async (request) => {
      if (isAsync) await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
      await request.text();
      return hello();
    };
    for (const [name, [sent, statuses]] of Object.entries(cases)) {
      await onStage({ fetch }, async ({ engine, connect, pass }) => {
        const client = await connect();
        client.say(sent);
        client.peer.end();
        await pass(30);
        assert.deepEqual(client.statuses, statuses, `FIN ${name}`);
        assert.equal(engine.connectionCount, 0, `FIN ${name}`);
      });
    }
  }
});

test('a head that drips costs time in its bytes', async () => {
  await onStage({ limits: { headerBytes: '1m' } }, async ({ thread, connect, pass }) => {
    const client = await connect();
    client.say('GET / HTTP/1.1\r\nHost: a\r\nX: ');
    await pass(5);
    // Straight to the thread, as the engine would: a segment for each byte.
    const [connection] = thread.connections();
    const byte = Uint8Array.of(0x78);
    const begunMs = performance.now();
    const BYTES = 400_000;
    for (let i = 0; i < BYTES; i++) connection!.receive(byte, 0, 1);
    const tookMs = performance.now() - begunMs;
    // Copied anew with each byte, these would be 80 GB: a minute at the least.
    assert.ok(tookMs < 5000, `${BYTES} bytes took ${tookMs} ms`);
    client.say('\r\n\r\n');
    await pass(5);
    assert.deepEqual(client.statuses, ['200']);
  });
});

test('what is cancelled of a body that came whole does not open the socket for requests that wait', async () => {
  let release = (): void => {};
  const fetch: FetchHandler = async (request) => {
    await request.body!.cancel();
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return hello();
  };
  await onStage({ fetch }, async ({ thread, connect, pass }) => {
    const client = await connect();
    client.say(POST + POST);
    await pass(10);
    for (let i = 0; i < 20; i++) {
      client.say('x'.repeat(100_000));
      await pass(10);
    }
    const [row] = thread.connectionRows(1);
    assert.ok(row!.bytesReceived < 300_000, `${row!.bytesReceived} bytes were read behind an open request`);
    release();
  });
});
