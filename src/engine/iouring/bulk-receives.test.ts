import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { EngineConnection, EngineHandler, EngineOptions } from '../engine.ts';
import { BULK_BUFFER_BYTES, BULK_BUFFER_COUNT } from './bulk-receives.ts';
import type { IouringConnection } from './connection.ts';
import { createIouringEngine } from './create.ts';
import { createOneShotEngine } from './one-shot.contract.ts';

/** Another for each client and each position: bytes of another buffer, or of the same one later, cannot look right. */
function byteAt(client: number, position: number): number {
  return (client * 37 + position * 7 + (position >> 8) * 13 + (position >> 16) * 29) & 255;
}

function upload(client: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  bytes[0] = client;
  for (let i = 1; i < length; i++) bytes[i] = byteAt(client, i);
  return bytes;
}

interface Received {
  client: number;
  position: number;
  largest: number;
  wrong: number;
}

/** Checks what comes. The first byte of a connection says which client it is. */
class Checker implements EngineHandler {
  readonly received = new Map<EngineConnection, Received>();
  readonly pauseEvery: number;
  forgetsClosed = false;
  onBytes: (() => void) | undefined;
  #count = 0;

  constructor(pauseEvery: number) {
    this.pauseEvery = pauseEvery;
  }

  onAccept(conn: EngineConnection): void {
    this.received.set(conn, { client: -1, position: 0, largest: 0, wrong: 0 });
  }

  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    const it = this.received.get(conn)!;
    let at = start;
    if (it.client < 0) {
      it.client = bytes[at++]!;
      it.position = 1;
    }
    for (; at < end; at++) if (bytes[at] !== byteAt(it.client, it.position++)) it.wrong++;
    it.largest = Math.max(it.largest, end - start);
    if (this.pauseEvery > 0 && ++this.#count % this.pauseEvery === 0) {
      conn.pauseReading();
      setImmediate(() => conn.resumeReading());
    }
    this.onBytes?.();
  }

  onDrained(): void {}
  onPeerEnd(conn: EngineConnection): void {
    conn.close('done');
  }
  onDeadline(): void {}
  onClosed(conn: EngineConnection): void {
    if (this.forgetsClosed) this.received.delete(conn);
  }

  /** Resolves when the connections have received so much in all. */
  async wait(total: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.onBytes = () => {
        let sum = 0;
        for (const { position } of this.received.values()) sum += position;
        if (sum >= total) resolve();
      };
      this.onBytes();
    });
    this.onBytes = undefined;
  }
}

const ENGINES = {
  'multishot receives': (handler: EngineHandler) =>
    createIouringEngine({ handler } as EngineOptions<IouringConnection>),
  'one-shot receives': (handler: EngineHandler) => createOneShotEngine({ handler }),
};

for (const [name, create] of Object.entries(ENGINES)) {
  for (const pauseEvery of [0, 3]) {
    test(`${name}${pauseEvery > 0 ? ', with pauses' : ''}: more uploads at once than there are large buffers come whole and in order, twice`, async () => {
      const checker = new Checker(pauseEvery);
      const engine = create(checker);
      const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
      const clientCount = BULK_BUFFER_COUNT + 13;
      const length = 400_001;
      // A buffer that is not given back is missing in the second round; one that is given back twice is filled twice at once.
      for (let round = 0; round < 2; round++) {
        checker.received.clear();
        const sockets: Socket[] = [];
        for (let client = 0; client < clientCount; client++) {
          const socket = connect({ port: address.port, host: '127.0.0.1' });
          socket.end(upload(client, length));
          sockets.push(socket);
        }
        const ended = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
        await checker.wait(clientCount * length);
        for (const it of checker.received.values()) {
          assert.equal(it.wrong, 0, `wrong bytes of client ${it.client}`);
          assert.equal(it.position, length);
          assert.ok(it.largest <= BULK_BUFFER_BYTES);
        }
        await ended;
      }
      assert.equal(engine.connectionCount, 0);
      await engine.close();
    });
  }
}

test('who moves much is received from in large pieces, and in small ones again when little comes', async () => {
  const checker = new Checker(0);
  const engine = createIouringEngine({ handler: checker } as EngineOptions<IouringConnection>);
  const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const socket = connect({ port: address.port, host: '127.0.0.1', noDelay: true });
  const bytes = upload(1, 9_000_000);
  socket.write(bytes.subarray(0, 8_000_000));
  await checker.wait(8_000_000);
  const [it] = checker.received.values();
  assert.ok(it!.largest > 4096, `${it!.largest}`);
  // A message, to which a large buffer is lent once more; from then on a page is enough.
  let at = 8_000_000;
  for (let message = 0; message < 5; message++) {
    socket.write(bytes.subarray(at, at + 100));
    at += 100;
    await checker.wait(at);
  }
  it!.largest = 0;
  socket.write(bytes.subarray(at, at + 8192));
  await checker.wait(at + 8192);
  assert.ok(it!.largest <= 4096, `${it!.largest}`);
  assert.equal(it!.wrong, 0);
  socket.destroy();
  await engine.close();
});

test('connections that end in the midst of an upload give their buffers back', async () => {
  const checker = new Checker(0);
  checker.forgetsClosed = true;
  const engine = createIouringEngine({ handler: checker } as EngineOptions<IouringConnection>);
  const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const bytes = upload(1, 3_000_000);
  for (let i = 0; i < 3 * BULK_BUFFER_COUNT; i++) {
    const socket = connect({ port: address.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    // `once` would fail with the reset.
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(bytes);
    await checker.wait(600_000);
    const [conn] = checker.received.keys();
    // Each kind of end: by us, by the client, and with reading paused.
    if (i % 3 === 0) conn!.reset('test');
    else if (i % 3 === 1) socket.resetAndDestroy();
    else {
      conn!.pauseReading();
      conn!.close('test');
    }
    await closed;
    while (engine.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  checker.forgetsClosed = false;
  const socket = connect({ port: address.port, host: '127.0.0.1' });
  socket.end(bytes);
  await checker.wait(bytes.length);
  const [it] = checker.received.values();
  assert.equal(it!.wrong, 0);
  assert.ok(it!.largest > 4096);
  await once(socket.resume(), 'close');
  await engine.close();
});
