/**
 * Promises about files: they leave in their place between other bytes, whole or not at all, and each descriptor is given back once.
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineConnection, FILE_WINDOW_BYTES, type FileRange } from '../engine.ts';
import { type Client, countOf, onStage, type Subject, sleep, until, write } from './harness.contract.ts';

const MIB = 1024 * 1024;

/** No two pages of it are the same. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  return bytes;
}

/** A file for one test, with what is asked of it. */
class TestFile {
  readonly fd: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  /** `unsentBytes` of each range that was released. */
  readonly released: number[] = [];
  /** Before the n-th window that is sent it has changed. */
  changesBefore = Number.POSITIVE_INFINITY;
  windows = 0;
  ranges = 0;

  constructor(content: Buffer) {
    this.fd = openSync(join(this.#folder, 'file'), 'w+');
    writeSync(this.fd, content);
  }

  range(offset: number, length: number): FileRange {
    this.ranges++;
    let isReleased = false;
    return {
      fd: this.fd,
      offset,
      length,
      verify: () => ++this.windows < this.changesBefore,
      onReleased: (unsentBytes) => {
        assert.equal(isReleased, false, 'released twice');
        isReleased = true;
        this.released.push(unsentBytes);
      },
    };
  }

  async allReleased(): Promise<void> {
    await until(() => this.released.length === this.ranges, 'every range released');
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.#folder, { recursive: true });
  }
}

async function withFile(content: Buffer, body: (file: TestFile) => Promise<void>): Promise<void> {
  const file = new TestFile(content);
  try {
    await body(file);
  } finally {
    await file.allReleased();
    file.close();
  }
}

/**
 * RST has come, and no FIN. libuv takes a reset behind bytes for the end (POLLHUP after a read that found less than it asked for),
 * and so would the client; but behind FIN a first write goes well.
 */
async function wasReset(client: Client): Promise<void> {
  await client.ended();
  if (client.hasClosed) assert.equal(client.error?.code, 'ECONNRESET');
  else {
    const error = await new Promise<unknown>((resolve) => client.socket.write('x', resolve));
    assert.ok(error instanceof Error, 'FIN came');
  }
}

export function filesContract(subject: Subject): void {
  test('files leave in their places between copied and borrowed bytes, whatever their lengths', async () => {
    const content = noise(3 * MIB);
    const lent = noise(200_000).subarray(100_000);
    await withFile(content, async (file) => {
      const expected: Buffer[] = [];
      const say = (conn: EngineConnection, text: string): void => {
        write(conn, text);
        expected.push(Buffer.from(text));
      };
      const give = (conn: EngineConnection, offset: number, length: number): void => {
        conn.commitFile(file.range(offset, length));
        expected.push(content.subarray(offset, offset + length));
      };
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const { conn } = (await accepted(1))[0]!;
        say(conn, 'head');
        give(conn, 0, 0);
        give(conn, 1, 3 * MIB - 1);
        give(conn, content.length, 0);
        say(conn, 'between');
        for (let at = 0; at < 40; at++) give(conn, at * 1000, 999 + at);
        conn.commitBorrowed(lent);
        conn.settle();
        expected.push(Buffer.from(lent));
        give(conn, FILE_WINDOW_BYTES - 5, 10);
        say(conn, 'behind');
        const all = Buffer.concat(expected);
        // Of memory before the first file `settle` may have sent some.
        assert.ok(conn.unsentBytes >= all.length - 'head'.length && conn.unsentBytes <= all.length);
        await client.received(all.length);
        assert.ok(Buffer.concat(client.chunks).equals(all));
        await until(() => conn.unsentBytes === 0, 'nothing unsent');
        say(conn, 'later');
        await client.received(all.length + 5);
      });
      await file.allReleased();
      assert.deepEqual(new Set(file.released), new Set([0]));
    });
  });

  test('a reader who stops keeps the file waiting, and gets all of it when it reads on', async () => {
    const content = noise(24 * MIB);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const [it] = await accepted(1);
        const { conn } = it!;
        client.socket.pause();
        write(conn, 'head');
        conn.commitFile(file.range(0, content.length));
        await sleep(100);
        const { unsentBytes } = conn;
        assert.ok(unsentBytes > 0 && unsentBytes < content.length, `${unsentBytes} bytes unsent`);
        assert.equal(it!.drains, 0);
        assert.deepEqual(file.released, []);
        await sleep(50);
        assert.equal(conn.unsentBytes, unsentBytes);
        client.socket.resume();
        await client.received(content.length + 4);
        await until(() => it!.drains > 0, 'onDrained');
        assert.ok(Buffer.concat(client.chunks).subarray(4).equals(content));
        assert.deepEqual(file.released, [0]);
        assert.equal(file.windows, 24, 'asked once a window');
      });
    });
  });

  test('what is received meanwhile is handed over, and reading may pause', async () => {
    const content = noise(8 * MIB);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const [it] = await accepted(1);
        client.socket.pause();
        it!.conn.commitFile(file.range(0, content.length));
        client.socket.write('still here');
        await until(() => it!.receivedBytes === 10, 'bytes of the client');
        it!.conn.pauseReading();
        client.socket.resume();
        await client.received(content.length);
        it!.conn.resumeReading();
        client.socket.end('end');
        await until(() => it!.peerEnds === 1, 'FIN of the client');
      });
    });
  });

  for (const end of ['close', 'shutdownWrite'] as const) {
    test(`${end} waits for the file, FIN comes behind it`, async () => {
      const content = noise(5 * MIB);
      await withFile(content, async (file) => {
        await onStage(subject, {}, async ({ connect, accepted }) => {
          const client = await connect();
          const [it] = await accepted(1);
          const { conn } = it!;
          client.socket.pause();
          conn.commitFile(file.range(0, content.length));
          if (end === 'close') conn.close('done');
          else conn.shutdownWrite();
          assert.equal(conn.takesBytes, false);
          conn.commitFile(file.range(0, 5));
          client.socket.write('ignored, or not');
          await sleep(30);
          assert.equal(client.hasEnded, false);
          client.socket.resume();
          await client.ended();
          assert.ok(Buffer.concat(client.chunks).equals(content));
          if (end === 'close') await until(() => it!.closed === 'done', 'onClosed');
        });
        await file.allReleased();
        assert.deepEqual(file.released.toSorted(), [0, 5]);
      });
    });
  }

  test('reset gives up all files, on whichever side it comes, and the engine when it closes', async () => {
    const content = noise(20 * MIB);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const clients = [await connect(), await connect(), await connect()];
        const its = await accepted(3);
        for (const { socket } of clients) socket.pause();
        for (const { conn } of its) {
          conn.commitFile(file.range(0, content.length));
          conn.commitFile(file.range(7, 1000));
        }
        await until(() => its.every(({ conn }) => conn.unsentBytes < content.length), 'some sent');
        its[0]!.conn.reset('enough');
        clients[1]!.reset();
        clients[0]!.socket.resume();
        await until(() => its[0]!.closed !== undefined && its[1]!.closed !== undefined, 'two ends');
        assert.equal(its[0]!.closed, 'enough');
        assert.equal(its[1]!.closed, 'peer-reset');
        its[0]!.conn.commitFile(file.range(1, 2));
        await until(() => file.released.length === 5, 'five ranges released');
        assert.equal(file.released.filter((unsent) => unsent === 1000).length, 2);
      });
      await file.allReleased();
      assert.ok(file.released.every((unsent) => unsent > 0));
    });
  });

  for (const end of ['none', 'close', 'shutdownWrite'] as const) {
    test(`a file that becomes shorter ends by reset, with the end asked for: ${end}`, async () => {
      const content = noise(8 * MIB);
      await withFile(content, async (file) => {
        await onStage(subject, {}, async ({ connect, accepted }) => {
          const client = await connect();
          const [it] = await accepted(1);
          client.socket.pause();
          it!.conn.commitFile(file.range(0, content.length));
          if (end !== 'none') it!.conn[end]('done');
          await until(() => it!.conn.unsentBytes < content.length, 'some sent');
          ftruncateSync(file.fd, content.length - 1);
          client.socket.resume();
          await wasReset(client);
          await until(
            () => it!.closed === 'file-short',
            () => `file-short, not ${it!.closed}`,
          );
          assert.ok(client.receivedBytes < content.length);
        });
      });
    });
  }

  test('a file that is not what it was any more ends by reset before the next window', async () => {
    const content = noise(8 * MIB);
    for (const changesBefore of [1, 3]) {
      await withFile(content, async (file) => {
        file.changesBefore = changesBefore;
        await onStage(subject, {}, async ({ connect, accepted }) => {
          const client = await connect();
          const [it] = await accepted(1);
          it!.conn.commitFile(file.range(0, content.length));
          await wasReset(client);
          await until(
            () => it!.closed === 'file-changed',
            () => `file-changed, not ${it!.closed}`,
          );
          await file.allReleased();
          const windowsSent = (content.length - file.released[0]!) / FILE_WINDOW_BYTES;
          assert.equal(windowsSent, changesBefore - 1);
        });
      });
    }
  });

  test('a question about the file that throws counts as no', async () => {
    await withFile(noise(1000), async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const [it] = await accepted(1);
        const verify = (): boolean => {
          throw new Error('fstat failed');
        };
        it!.conn.commitFile({ ...file.range(0, 1000), verify });
        await wasReset(client);
        await until(
          () => it!.closed === 'file-changed',
          () => `file-changed, not ${it!.closed}`,
        );
      });
    });
  });

  test('what cannot be read ends by reset, and says why', async () => {
    const folder = openSync(tmpdir(), 'r');
    try {
      await withFile(noise(10), async (file) => {
        await onStage(subject, {}, async ({ connect, accepted }) => {
          const client = await connect();
          const [it] = await accepted(1);
          write(it!.conn, 'head');
          it!.conn.commitFile({ ...file.range(0, 10), fd: folder });
          await wasReset(client);
          await until(
            () => it!.closed === 'file-failed',
            () => `file-failed, not ${it!.closed}`,
          );
          assert.match(it!.conn.errorCode, /^E[A-Z]+$/);
        });
      });
    } finally {
      closeSync(folder);
    }
  });

  test('offsets beyond 4 GiB and lengths beyond what one sendfile takes are right', async () => {
    const tail = noise(1000);
    const at = 5 * 1024 ** 3;
    await withFile(Buffer.alloc(0), async (file) => {
      writeSync(file.fd, tail, 0, tail.length, at);
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const clients = [await connect(), await connect()];
        const its = await accepted(2);
        its[0]!.conn.commitFile(file.range(at + 10, 990));
        const length = at + 1000;
        its[1]!.conn.commitFile(file.range(0, length));
        await clients[0]!.received(990);
        assert.ok(Buffer.concat(clients[0]!.chunks).equals(tail.subarray(10)));
        await clients[1]!.received(3 * MIB);
        assert.ok(its[1]!.conn.unsentBytes > 4 * 1024 ** 3);
        clients[1]!.reset();
        await until(() => its[1]!.closed !== undefined, 'the end');
        await file.allReleased();
        assert.ok(file.released.some((unsent) => unsent > 4 * 1024 ** 3));
      });
    });
  });

  test('many connections send one descriptor, each from its own place', async () => {
    const content = noise(2 * MIB);
    const count = countOf(1000, 100);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const clients: Client[] = [];
        for (let i = 0; i < count; i++) clients.push(await connect());
        const its = await accepted(count);
        for (const [i, { conn }] of its.entries()) conn.commitFile(file.range(i * 100, MIB));
        // Accepted in the order in which they connected, or nearly so: each content is somebody's.
        const firsts = new Set<number>();
        for (const client of clients) {
          await client.received(MIB);
          const bytes = Buffer.concat(client.chunks);
          const from = content.indexOf(bytes.subarray(0, 64));
          assert.ok(bytes.equals(content.subarray(from, from + MIB)));
          firsts.add(from);
        }
        assert.equal(firsts.size, count);
      });
    });
  });

  test('a file that is committed before an outgoing connection stands leaves when it does', {
    skip: subject.connect !== undefined && 'it makes no connections',
  }, async () => {
    const content = noise(300_000);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ make, accepted }) => {
        const made = make();
        write(made.conn, 'head');
        made.conn.commitFile(file.range(0, content.length));
        made.conn.shutdownWrite();
        const [it] = await accepted(1);
        await until(() => it!.peerEnds === 1, 'FIN');
        assert.ok(Buffer.concat(it!.received).equals(Buffer.concat([Buffer.from('head'), content])));
      });
    });
  });

  test('a pace that was asked for is kept, where the engine has one', async () => {
    // The first ten segments are not paced (tcp_update_skb_after_send), and loopback's have 64 KiB.
    const content = noise(3 * MIB);
    await withFile(content, async (file) => {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const { conn } = (await accepted(1))[0]!;
        if (conn.setPace === undefined) return;
        assert.equal(conn.setPace(4_000_000), true);
        const beganMs = performance.now();
        conn.commitFile(file.range(0, content.length));
        await client.received(content.length);
        const tookMs = performance.now() - beganMs;
        assert.ok(tookMs > 300, `3 MiB at 4 MB a second came within ${tookMs} ms`);
        assert.equal(conn.setPace(Number.POSITIVE_INFINITY), true);
        conn.reset('done');
      });
    });
  });
}
