/** Promise: bytes arrive in order, none lost, none doubled, whatever the splits; bytes leave likewise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import {
  type Client,
  fill,
  onStage,
  type Subject,
  sleep,
  until,
  type Watched,
  write,
} from './harness.contract.ts';

const HIGH_WATER_BYTES = 64 * 1024;

/** A prime: no buffer size divides it, so a lost or doubled buffer cannot look right. */
const PATTERN_PERIOD = 65_521;
const pattern = Buffer.alloc(PATTERN_PERIOD * 3);
for (let i = 0; i < pattern.length; i++)
  pattern[i] = ((i % PATTERN_PERIOD) * 31 + ((i % PATTERN_PERIOD) >> 8)) & 255;

/** The pattern from `position` on, at most two periods long. */
function patternAt(position: number, length: number): Buffer {
  const at = position % PATTERN_PERIOD;
  return pattern.subarray(at, at + length);
}

/** The same, of any length, in memory of its own. */
function patternOf(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const part = patternAt(position + at, Math.min(length - at, PATTERN_PERIOD));
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function partsOf(chunk: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += PATTERN_PERIOD)
    parts.push(chunk.subarray(at, at + PATTERN_PERIOD));
  return parts;
}

/** Counts what comes, and how much of it is not the pattern. */
class PatternCheck {
  position = 0;
  wrongChunks = 0;

  take(bytes: Buffer): void {
    if (!bytes.equals(patternAt(this.position, bytes.length))) this.wrongChunks++;
    this.position += bytes.length;
  }
}

function writePattern(client: Client, byteCount: number): void {
  let position = 0;
  const more = (): void => {
    while (position < byteCount) {
      const size = Math.min(byteCount - position, PATTERN_PERIOD);
      const chunk = patternAt(position, size);
      position += size;
      if (!client.socket.write(chunk)) {
        client.socket.once('drain', more);
        return;
      }
    }
    client.socket.end();
  };
  more();
}

function copyInto(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
  while (start < end) {
    const size = Math.min(end - start, SEND_RESERVE_BYTES_MAX);
    const at = conn.reserve(size);
    conn.out.set(bytes.subarray(start, start + size), at);
    conn.commit(size);
    start += size;
  }
}

export function bytesContract(subject: Subject): void {
  test('bytes arrive in order whatever the splits', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const client = await connect();
      const check = new PatternCheck();
      for (let round = 0; round < 300; round++) {
        const size = (round * round * 7 + 1) % (round % 40 === 0 ? 60_000 : 300) || 1;
        client.socket.write(patternAt(check.position, size));
        check.position += size;
        if (round % 3 === 0) await new Promise(setImmediate);
      }
      const [it] = await accepted(1);
      await until(() => it!.receivedBytes === check.position, 'all bytes at the server');
      const all = new PatternCheck();
      for (const chunk of it!.received) all.take(chunk);
      assert.equal(all.wrongChunks, 0);
    });
  });

  test('what is lent leaves in order with what is committed, to fast readers and to slow ones', async () => {
    for (const isSlow of [false, true]) {
      const plan = {
        onReceive: (conn: EngineConnection) => lend(conn),
        onDrained: (conn: EngineConnection) => lend(conn),
      };
      // Sizes beside those of blocks and of what one call takes; each piece between two that are committed.
      const sizes = [65_536, 100, 1_000_000, 70_000, 3_000_000, 1, 262_144, 65_536, 200_000, 5_000_000];
      let position = 0;
      let next = 0;
      const lend = (conn: EngineConnection): void => {
        if (next === sizes.length) return;
        const size = sizes[next++]!;
        const frame = next * 3;
        copyInto(conn, patternAt(position, frame), 0, frame);
        position += frame;
        const piece = patternOf(position, size);
        conn.commitBorrowed(piece);
        position += size;
        copyInto(conn, patternAt(position, 2), 0, 2);
        position += 2;
        conn.settle();
        piece.fill(0);
      };
      await onStage(subject, plan, async ({ connect }) => {
        const client = await connect();
        const check = new PatternCheck();
        if (isSlow) {
          client.socket.pause();
          setTimeout(() => client.socket.resume(), 100);
        }
        client.socket.write('go');
        const total = sizes.reduce((sum, size, i) => sum + size + (i + 1) * 3 + 2, 0);
        await client.received(total);
        for (const chunk of client.chunks) for (const part of partsOf(chunk)) check.take(part);
        assert.equal(client.receivedBytes, total);
        assert.equal(check.wrongChunks, 0);
      });
    }
  });

  test('close sends what is lent to its last byte, and reset lets go of it', async () => {
    const piece = patternOf(0, 8_000_000);
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number) {
        conn.commitBorrowed(piece);
        conn.settle();
        if (bytes[start] === 99) conn.close('said all');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.pause();
      client.socket.write('c');
      const [it] = await accepted(1);
      await sleep(50);
      client.socket.resume();
      await client.ended();
      assert.equal(client.receivedBytes, piece.length);
      await until(() => it!.closed === 'said all', 'onClosed');
      const stopped = await connect();
      stopped.socket.pause();
      stopped.socket.write('r');
      const other = (await accepted(2))[1]!;
      await until(() => other.receivedBytes === 1, 'the question');
      await sleep(50);
      other.conn.reset('enough');
      await until(() => other.closed === 'enough', 'onClosed');
      assert.equal(other.conn.unsentBytes, 0);
    });
  });

  test('lent memory is the lender’s again after settle, and onDrained comes though nothing was left', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        const piece = new Uint8Array(70_000).fill(65);
        conn.commitBorrowed(piece);
        conn.settle();
        structuredClone(piece.buffer, { transfer: [piece.buffer] });
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.write('go');
      const [it] = await accepted(1);
      await client.received(70_000);
      await until(() => it!.drains === 1, 'onDrained');
      assert.equal(client.text, 'A'.repeat(70_000));
      assert.equal(it!.conn.unsentBytes, 0);
      await sleep(20);
      assert.equal(it!.drains, 1);
    });
  });

  test('what is committed in many pieces leaves in the order of the commits', async () => {
    let expected = '';
    for (let i = 0; i < 500; i++) expected += `${i}:${'x'.repeat((i * 37) % 400)};`;
    const plan = {
      onReceive(conn: EngineConnection) {
        for (let i = 0; i < 500; i++) write(conn, `${i}:${'x'.repeat((i * 37) % 400)};`);
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      const client = await connect();
      client.socket.write('go');
      await client.received(expected.length);
      assert.equal(client.text, expected);
    });
  });

  test('a reservation may be used in part, not at all, or be the largest', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        conn.reserve(1000);
        conn.reserve(SEND_RESERVE_BYTES_MAX);
        conn.commit(0);
        const at = conn.reserve(SEND_RESERVE_BYTES_MAX);
        conn.out[at] = 65;
        conn.commit(1);
        fill(conn, SEND_RESERVE_BYTES_MAX, 66);
        conn.reserve(SEND_RESERVE_BYTES_MAX);
        write(conn, 'C');
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      const client = await connect();
      client.socket.write('go');
      await client.received(SEND_RESERVE_BYTES_MAX + 2);
      assert.equal(client.text, `A${'B'.repeat(SEND_RESERVE_BYTES_MAX)}C`);
    });
  });

  test('reservations of several connections at the same time do not overlap', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const clients = [await connect(), await connect(), await connect()];
      const all = await accepted(3);
      const places = all.map((it) => it.conn.reserve(20_000));
      all.forEach((it, i) => {
        it.conn.out.fill(65 + i, places[i]!, places[i]! + 20_000);
      });
      for (const it of all) it.conn.commit(20_000);
      for (const [i, client] of clients.entries()) {
        await client.received(20_000);
        assert.equal(new Set(Buffer.concat(client.chunks)).size, 1, `client ${i} got bytes of another`);
      }
      assert.deepEqual(clients.map((client) => client.text[0]).sort(), ['A', 'B', 'C']);
    });
  });

  test('an echo of 50 MB with back pressure both ways is exact and bounded', async () => {
    const total = 50 * 1024 * 1024;
    let unsentBytesMax = 0;
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number) {
        copyInto(conn, bytes, start, end);
        unsentBytesMax = Math.max(unsentBytesMax, conn.unsentBytes);
        if (conn.unsentBytes > HIGH_WATER_BYTES) conn.pauseReading();
      },
      onDrained: (conn: EngineConnection) => conn.resumeReading(),
      onPeerEnd: (conn: EngineConnection) => conn.close('done'),
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      const check = new PatternCheck();
      client.onBytes = (bytes) => check.take(bytes);
      client.socket.pause();
      writePattern(client, total);
      await sleep(200);
      client.socket.resume();
      await until(
        () => check.position >= total,
        () => `the echo, at ${check.position}`,
        20_000,
      );
      await client.ended();
      assert.equal(check.position, total);
      assert.equal(check.wrongChunks, 0);
      // The handler stops at 64 KiB, so at most one turn's worth of receiving comes on top.
      assert.ok(unsentBytesMax <= HIGH_WATER_BYTES + 512 * 1024, `${unsentBytesMax} bytes unsent`);
      const [it] = await accepted(1);
      await until(() => it!.closed === 'done', 'onClosed');
    });
  });

  test('a reader that takes small bites with pauses gets everything, and onDrained paces the writer', async () => {
    const total = 12 * 1024 * 1024;
    let unsentBytesMax = 0;
    const more = (conn: EngineConnection, it: Watched): void => {
      while (it.note < total && conn.unsentBytes <= HIGH_WATER_BYTES) {
        const size = Math.min(total - it.note, 30_011);
        copyInto(conn, patternAt(it.note, size), 0, size);
        it.note += size;
      }
      unsentBytesMax = Math.max(unsentBytesMax, conn.unsentBytes);
      if (it.note === total) conn.close('done');
    };
    await onStage(
      subject,
      { onReceive: (c, _b, _s, _e, it) => more(c, it), onDrained: more },
      async ({ connect, watch }) => {
        const client = await connect();
        const check = new PatternCheck();
        client.onBytes = (bytes) => {
          check.take(bytes);
          if (check.position % 5 === 0) {
            client.socket.pause();
            setTimeout(() => client.socket.resume(), 1);
          }
        };
        client.socket.pause();
        client.socket.write('go');
        await sleep(100);
        assert.ok(watch.all[0]!.note < total, 'the writer did not wait for the reader');
        client.socket.resume();
        await client.ended();
        assert.equal(check.position, total);
        assert.equal(check.wrongChunks, 0);
        assert.ok(watch.all[0]!.drains > 0, 'onDrained never came');
        assert.ok(unsentBytesMax <= HIGH_WATER_BYTES + 30_011, `${unsentBytesMax} bytes unsent`);
      },
    );
  });

  test('bytes written from promises and timers leave without another event', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        write(conn, 'a');
        Promise.resolve()
          .then(() => write(conn, 'b'))
          .then(() => undefined)
          .then(() => write(conn, 'c'));
        setTimeout(() => {
          write(conn, 'd');
          Promise.resolve().then(() => write(conn, 'e'));
        }, 5);
        setTimeout(() => setImmediate(() => process.nextTick(() => write(conn, 'f'))), 20);
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      const client = await connect();
      client.socket.write('go');
      await client.received(6);
      assert.equal(client.text, 'abcdef');
    });
  });

  test('what waits for a slow reader is not touched by what others are sent meanwhile', async () => {
    const pieceBytes = 50_000;
    const slowBytes = 320 * pieceBytes;
    const more = (conn: EngineConnection, it: Watched): void => {
      if (it.note === slowBytes || it.note < 0) return;
      copyInto(conn, patternAt(it.note, pieceBytes), 0, pieceBytes);
      it.note += pieceBytes;
      assert.ok(conn.unsentBytes > 0);
    };
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, _end: number, it: Watched) {
        if (bytes[start] === 0) return more(conn, it);
        fill(conn, 1 + ((it.id * 7919 - it.note * 977) % 40_000), 255);
        it.note--;
      },
      onDrained: more,
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const slow = await Promise.all(Array.from({ length: 3 }, connect));
      const checks = slow.map((client) => {
        const check = new PatternCheck();
        client.onBytes = (bytes) => check.take(bytes);
        client.socket.pause();
        client.socket.write(Buffer.of(0));
        return check;
      });
      const stuck = (await accepted(3)).slice(0, 3);
      let positions: number[];
      do {
        positions = stuck.map((it) => it.note);
        await sleep(30);
      } while (stuck.some((it, i) => it.note === 0 || it.note !== positions[i]));
      assert.ok(stuck.every((it) => it.conn.unsentBytes > 0));
      const fast = await Promise.all(Array.from({ length: 10 }, connect));
      for (let round = 0; round < 60; round++) {
        for (const client of fast) client.socket.write(Buffer.of(1));
        // Small bites move the slow ones on to their next waiting pieces.
        if (round % 10 === 9) for (const client of slow) client.socket.resume();
        await new Promise(setImmediate);
        for (const client of slow) client.socket.pause();
      }
      for (const client of slow) client.socket.resume();
      for (const client of slow) await client.received(slowBytes);
      assert.deepEqual(
        checks.map((check) => check.wrongChunks),
        [0, 0, 0],
      );
      for (const client of fast)
        assert.ok(client.chunks.every((chunk) => chunk.every((byte) => byte === 255)));
    });
  });

  test('connections that echo at the same time never get bytes of each other', async () => {
    const plan = { onReceive: copyInto };
    await onStage(subject, plan, async ({ connect }) => {
      const clients = await Promise.all(Array.from({ length: 40 }, connect));
      for (let round = 0; round < 20; round++) {
        for (const [i, client] of clients.entries())
          client.socket.write(Buffer.alloc(1 + ((round * 977 + i * 131) % 9000), i + 1));
        await new Promise(setImmediate);
      }
      let sent = 0;
      for (const [i, client] of clients.entries()) {
        await client.received(client.socket.bytesWritten);
        sent += client.socket.bytesWritten;
        for (const chunk of client.chunks) assert.ok(chunk.every((byte) => byte === i + 1));
      }
      assert.equal(
        clients.reduce((sum, client) => sum + client.receivedBytes, 0),
        sent,
      );
    });
  });
}
