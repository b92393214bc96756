/**
 * A thousand readers of one large file, each slower than a modem bank's best and some pausing for seconds: all get the right bytes, none
 * is ended, and they cost the server little memory each. What they would read in an hour is not waited for.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { enginesHere } from './engines.ts';

const READERS = 1000;
const MIB = 2 ** 20;
const FILE_BYTES = 100 * MIB;
const READ_BYTES = 50_000;
const TICK_MS = 1000;
const TICKS = 8;
const BYTES_EACH_MAX = 16 * 1024;
/** V8 lets its young generation grow under load, and gives that back when it pleases. */
const V8_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const APP = fileURLToPath(new URL('../test/slow-file-readers.app.mjs', import.meta.url));
const HOLDFAST = new URL('../dist/index.js', import.meta.url).href;

/** No two MiB of it are the same. */
function mibOf(number: number): Buffer {
  const block = Buffer.alloc(MIB);
  for (let at = 0; at < MIB; at += 4) block.writeUInt32LE(((number * MIB + at) * 2654435761) >>> 0, at);
  return block;
}

const FIRST = [mibOf(0), mibOf(1)] as const;

/** Reads a little each second; what it has read is compared at once and not kept. */
class SlowReader {
  readonly #socket: Socket;
  /** So many seconds it pauses behind each in which it reads. */
  readonly #pauses: number;
  #head: Buffer | undefined = Buffer.alloc(0);
  #wait = 0;
  bytes = 0;
  wrong = '';

  constructor(port: number, pauses: number) {
    this.#pauses = pauses;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('error', (error) => {
      this.wrong ||= String(error);
    });
    this.#socket.on('close', () => {
      this.wrong ||= 'the connection ended';
    });
    // Paused mode: what is not asked for stays in the kernel, but for one buffer.
    this.#socket.on('readable', () => {});
    this.#socket.write('GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n');
  }

  tick(): void {
    if (this.#wait-- > 0) return;
    this.#wait = this.#pauses;
    const { readableLength } = this.#socket;
    const piece = readableLength === 0 ? null : this.#socket.read(Math.min(READ_BYTES, readableLength));
    if (piece !== null) this.#take(piece as Buffer);
  }

  #take(piece: Buffer): void {
    let content = piece;
    if (this.#head !== undefined) {
      const head = Buffer.concat([this.#head, piece]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#head = head;
        return;
      }
      if (!head.toString('latin1', 0, end).toLowerCase().includes(`content-length: ${FILE_BYTES}`))
        this.wrong ||= `the head says ${head.toString('latin1', 0, end)}`;
      this.#head = undefined;
      content = head.subarray(end + 4);
    }
    for (let at = 0; at < content.length; ) {
      const block = FIRST[Math.floor(this.bytes / MIB)]!;
      const from = this.bytes % MIB;
      const size = Math.min(content.length - at, MIB - from);
      if (content.compare(block, from, from + size, at, at + size) !== 0)
        this.wrong ||= `wrong bytes after ${this.bytes}`;
      this.bytes += size;
      at += size;
    }
  }

  leave(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}

interface Told {
  readonly anonBytes: number;
  readonly open: number;
  readonly unsentBytes: number;
}

async function ask(child: ChildProcess): Promise<Told> {
  child.send('how much?');
  return (await once(child, 'message'))[0];
}

async function read(port: number, count: number, ticks: number): Promise<SlowReader[]> {
  const readers: SlowReader[] = [];
  for (let i = 0; i < count; i++) {
    readers.push(new SlowReader(port, i % 3));
    if (i % 50 === 49) await sleep(5);
  }
  for (let tick = 0; tick < ticks; tick++) {
    await sleep(TICK_MS);
    for (const each of readers) each.tick();
  }
  return readers;
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-slow-readers-'));
before(() => {
  const fd = openSync(join(folder, 'large.bin'), 'w');
  for (let number = 0; number < FILE_BYTES / MIB; number++) writeSync(fd, mibOf(number));
  closeSync(fd);
});
after(() => rmSync(folder, { recursive: true }));

const engines = await enginesHere();

// Each engine is in a process of its own, of which memory and bytes are looked at, so they do not disturb each other.
describe('slow readers of a file, on engines side by side', { concurrency: true }, () => {
  for (const { engine, skip: whyNot } of engines) {
    // The portable engine reads pieces, and keeps one for each reader.
    if (engine === 'node') continue;
    const skip = process.platform === 'linux' ? whyNot : 'only Linux tells how much memory a process has';

    describe(`slow readers of a file (${engine})`, { skip }, () => {
      it('a thousand are served, and take less than 16 KiB each', async () => {
        const child = fork(APP, [HOLDFAST, engine, folder], { execArgv: V8_FLAGS, stdio: 'inherit' });
        let readers: SlowReader[] = [];
        try {
          const [{ port }] = (await once(child, 'message')) as [{ port: number }];
          // The first ones bring code and buffers that stay.
          for (const each of await read(port, 20, 2)) each.leave();
          await sleep(500);
          const idle = await ask(child);
          readers = await read(port, READERS, TICKS);
          const busy = await ask(child);
          const wrong = readers.filter((each) => each.wrong !== '');
          assert.equal(wrong.length, 0, wrong[0]?.wrong);
          assert.ok(busy.open >= READERS, `${busy.open} connections are open`);
          for (const { bytes } of readers) assert.ok(bytes > READ_BYTES, `${bytes} bytes were read`);
          const each = (busy.anonBytes - idle.anonBytes) / READERS;
          assert.ok(each < BYTES_EACH_MAX, `${each} bytes for each reader`);
          assert.ok(busy.unsentBytes / READERS < BYTES_EACH_MAX, `${busy.unsentBytes} bytes wait in memory`);
        } finally {
          for (const each of readers) each.leave();
          child.kill('SIGKILL');
        }
      });
    });
  }
});
