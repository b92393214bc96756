/**
 * Lines on their way to a descriptor that may be slow: a terminal that was paused, a pipe that nobody
 * reads, a full disk. It owns a queue with a bound in lines and in bytes, and never blocks the thread:
 * what finds no room is dropped, counted, and reported when room returns. One write is under way at a
 * time, so lines keep their order and are never cut into each other.
 *
 * A target that refuses is tried again for as long as the process lives: a disk is cleaned up, whoever read a
 * pipe is started again. But nothing that waits here keeps a process alive for longer than a moment.
 */
import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { Socket } from 'node:net';

export interface LineWriterOptions {
  /** @default 8192: a burst of a few hundred lines a core, many times over */
  readonly linesMax?: number;
  /** @default 1 MiB */
  readonly bytesMax?: number;
  /**
   * How long the first line waits for company, in milliseconds: each write costs a trip through the
   * thread pool. @default 0
   */
  readonly lingerMs?: number;
  /** Makes the line that tells of dropped ones. @default a sentence */
  readonly describeDropped?: (count: number) => string;
}

/** Writes of at most this many bytes to a pipe are never mixed with another thread's (pipe(7), PIPE_BUF). */
const PIPE_WRITE_BYTES_MAX = 4096;

/** For files one write appends as a whole, whatever its length; this bounds what one copy costs. */
const FILE_WRITE_BYTES_MAX = 64 * 1024;

/** A pipe that is full is looked at again after this long: soon enough for people, cheap enough for ever. */
const FULL_RETRY_MS = 20;

/** A target that refuses (ENOSPC, EPIPE, EIO) is tried again after this long, doubling up to the longest. */
const REFUSED_RETRY_MS = 250;
const REFUSED_RETRY_MS_MAX = 5000;

/** Somebody who reads slowly gets this long until lines that wait no longer keep the process alive. */
const KEEP_ALIVE_MS = 500;

const LINES_MAX = 8192;
const BYTES_MAX = 1024 * 1024;

export class LineWriter {
  readonly #fd: number;
  readonly #writeBytesMax: number;
  readonly #linesMax: number;
  readonly #bytesMax: number;
  readonly #lingerMs: number;
  readonly #describeDropped: (count: number) => string;
  #lines: string[] = [];
  /** First line of `#lines` that is not written; the array is cut when it is emptied. */
  #head = 0;
  #queuedBytes = 0;
  #droppedUntold = 0;
  #droppedCount = 0;
  /** What is being written now: a batch of whole lines, of which `#sent` bytes are out. */
  #batch: Buffer | undefined;
  #sent = 0;
  #isWriting = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = REFUSED_RETRY_MS;
  /** Since when nothing could be written; undefined while all goes well. */
  #stuckSinceMs: number | undefined;
  #idle: (() => void)[] = [];

  constructor(fd: number, options: LineWriterOptions = {}) {
    const target = nonBlocking(fd);
    this.#fd = target.fd;
    this.#writeBytesMax = target.isFile ? FILE_WRITE_BYTES_MAX : PIPE_WRITE_BYTES_MAX;
    this.#linesMax = options.linesMax ?? LINES_MAX;
    this.#bytesMax = options.bytesMax ?? BYTES_MAX;
    this.#lingerMs = options.lingerMs ?? 0;
    this.#describeDropped =
      options.describeDropped ?? ((count) => `holdfast: ${count} log lines were dropped`);
  }

  /** Lines that found no room since the start. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Queues `line`, which has no line break of its own. */
  write(line: string): void {
    // Two bytes a character is the most that log text, escaped by its formatter, comes to in practice;
    // the bound is on memory, and strings take that much.
    const bytes = line.length * 2;
    if (this.#lines.length - this.#head >= this.#linesMax || this.#queuedBytes + bytes > this.#bytesMax) {
      this.#droppedCount++;
      this.#droppedUntold++;
      return;
    }
    this.#lines.push(line);
    this.#queuedBytes += bytes;
    if (!this.#isWriting && this.#timer === undefined) this.#wakeAfter(this.#lingerMs);
  }

  /**
   * Resolves when everything queued is out, `timeoutMs` has passed or the target refuses, whichever comes first.
   * @returns whether everything is out
   */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.#isEmpty()) return true;
    if (!this.#isWriting) this.#wakeAfter(0);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#isEmpty();
  }

  /** One attempt from an exit handler, where nothing can be waited for. What the target does not take at once is lost. */
  flushSync(): void {
    // A write that the thread pool is doing cannot be taken back; repeating it would double its lines.
    if (this.#isWriting) return;
    try {
      while (this.#fillBatch()) {
        const batch = this.#batch!;
        this.#advance(writeSync(this.#fd, batch, this.#sent, batch.length - this.#sent));
      }
    } catch {
      // Full or gone: there is no later in which to try again.
    }
  }

  #isEmpty(): boolean {
    return this.#batch === undefined && this.#head === this.#lines.length && this.#droppedUntold === 0;
  }

  #wakeAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writeNext();
    }, delayMs);
    if (this.#stuckSinceMs !== undefined && performance.now() - this.#stuckSinceMs > KEEP_ALIVE_MS)
      this.#timer.unref();
  }

  #settleFlushes(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    if (!this.#fillBatch()) {
      this.#settleFlushes();
      return;
    }
    const batch = this.#batch!;
    this.#isWriting = true;
    write(this.#fd, batch, this.#sent, batch.length - this.#sent, null, (error, count) => {
      this.#isWriting = false;
      if (error === null) {
        this.#stuckSinceMs = undefined;
        this.#retryMs = REFUSED_RETRY_MS;
        this.#advance(count);
        this.#writeNext();
      } else if (error.code === 'EINTR') {
        this.#writeNext();
      } else {
        this.#stuckSinceMs ??= performance.now();
        if (error.code === 'EAGAIN') this.#wakeAfter(FULL_RETRY_MS);
        else this.#refused();
      }
    });
  }

  /** The target is gone or full, for now: logging must not take the server down with it. */
  #refused(): void {
    this.#wakeAfter(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, REFUSED_RETRY_MS_MAX);
    this.#settleFlushes();
  }

  #advance(count: number): void {
    this.#sent += count;
    if (this.#batch !== undefined && this.#sent === this.#batch.length) {
      this.#batch = undefined;
      this.#sent = 0;
    }
  }

  /** Takes whole lines up to the limit of one write. @returns whether there is anything to write */
  #fillBatch(): boolean {
    if (this.#batch !== undefined) return true;
    const lines = this.#lines;
    let text = '';
    let at = this.#head;
    while (at < lines.length) {
      const line = lines[at]!;
      // Characters here, bytes there: half the room leaves space for text that is not ASCII.
      if (text !== '' && (text.length + line.length) * 2 > this.#writeBytesMax) break;
      text += `${line}\n`;
      this.#queuedBytes -= line.length * 2;
      at++;
    }
    this.#head = at;
    if (at === lines.length) {
      this.#lines = [];
      this.#head = 0;
      if (this.#droppedUntold > 0) {
        text += `${this.#describeDropped(this.#droppedUntold)}\n`;
        this.#droppedUntold = 0;
      }
    }
    if (text === '') return false;
    this.#batch = Buffer.from(text);
    this.#sent = 0;
    return true;
  }
}

/**
 * The same pipe or terminal through a descriptor of our own that does not block. Setting O_NONBLOCK on
 * the given one changes it for every process that shares it, so that is for what cannot be opened anew: sockets,
 * which is what standard error is under a supervisor and below Node's own child_process. A thread of the pool
 * stuck in a blocking write could neither be waited for nor given up: the process would hang on exit.
 */
function nonBlocking(fd: number): { fd: number; isFile: boolean } {
  try {
    const facts = fstatSync(fd);
    if (facts.isFile()) return { fd, isFile: true };
    if (facts.isFIFO() || facts.isCharacterDevice()) {
      const flags = constants.O_WRONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
      return { fd: openSync(`/proc/self/fd/${fd}`, flags), isFile: false };
    }
  } catch {
    // No /proc, or no right to open it anew (another user's pipe or terminal).
  }
  stopBlocking(fd);
  return { fd, isFile: false };
}

/** Node has no call for it; libuv does it when it takes a descriptor for a socket, which then is left alone. */
function stopBlocking(fd: number): void {
  try {
    new Socket({ fd, readable: false, writable: true }).unref();
  } catch {
    // A descriptor that is neither pipe nor socket is written to as it is.
  }
}
