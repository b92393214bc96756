/**
 * One artifact on its way from the upstream to the disk, and those who read it meanwhile. One request fills the file, at the
 * disk's pace; readers follow it at their own. What was promised a checksum is given whole only once it has been verified: its
 * last bytes are held back, so that a wrong copy ends as a broken one for everybody, and is not kept.
 *
 * A disk that is full ends the file and nobody's reading: who reads goes on from where the file ends with a request of
 * its own.
 */
import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { type UpstreamFacts, UpstreamRead } from './upstream-read.ts';
import { UpstreamError } from './upstream-request.ts';

/** Held back until the checksum is known to be right. */
const HELD_BACK_BYTES = 16 * 1024;
/** One piece of a reader: the high-water mark of a connection. */
const PIECE_BYTES = 64 * 1024;

type FillState = 'filling' | 'kept' | 'disk-full' | 'failed';

interface FillParts {
  readonly url: URL;
  /** Nothing is kept outside of it, wherever links in it lead. */
  readonly folder: string;
  /** Where it is kept, below the folder. */
  readonly file: string;
  /** Where it grows, on the same file system. */
  readonly partial: string;
  /** The expected SHA-256, or undefined where none is published. Rejects when that cannot be found out. */
  readonly checksum: () => Promise<string | undefined>;
  readonly timing?: { readonly pauseMs?: number; readonly silenceMs?: number };
}

export class ArtifactFill {
  /** Resolves when the size is known; rejects with an UpstreamError. */
  readonly facts: Promise<UpstreamFacts & { readonly sizeBytes: number }>;
  /** Resolves when nothing is written any more, whichever way it ended. */
  readonly ended: Promise<void>;
  state: FillState = 'filling';
  error: Error | undefined;
  readonly #parts: FillParts;
  readonly #abort = new AbortController();
  readonly #read: UpstreamRead;
  #sum: Promise<string | undefined> | undefined;
  #handle: FileHandle | undefined;
  #written = 0;
  #isVerified = false;
  #claims = 0;
  #wake!: () => void;
  #changed!: Promise<void>;
  #known!: (facts: UpstreamFacts & { readonly sizeBytes: number }) => void;
  #refuse!: (error: Error) => void;

  constructor(parts: FillParts) {
    this.#parts = parts;
    this.#read = new UpstreamRead(parts.url, this.#abort.signal, undefined, parts.timing);
    this.facts = new Promise((resolve, reject) => {
      this.#known = resolve;
      this.#refuse = reject;
    });
    // Whoever waits is told; nobody need wait.
    this.facts.catch(() => {});
    this.#renew();
    this.ended = this.#run();
  }

  #renew(): void {
    this.#changed = new Promise((resolve) => (this.#wake = resolve));
  }

  #notify(): void {
    this.#wake();
    this.#renew();
  }

  async #run(): Promise<void> {
    try {
      await this.#fill();
    } catch (error) {
      this.error = error as Error;
      this.state = 'failed';
      this.#refuse(this.error);
    }
    this.#notify();
    if (this.state !== 'kept') await rm(this.#parts.partial, { force: true }).catch(() => {});
    await this.#closeIfUnread();
  }

  async #fill(): Promise<void> {
    const known = (facts: UpstreamFacts): void => {
      if (facts.sizeBytes !== undefined) this.#known({ ...facts, sizeBytes: facts.sizeBytes });
      this.#sum ??= this.#parts.checksum();
      this.#sum.catch(() => {});
    };
    for await (const piece of this.#read.bytes(known)) {
      if (!(await this.#write(piece))) return this.#passOn();
      this.#written += piece.length;
      this.#notify();
    }
    await this.#verify(this.#read);
    this.#isVerified = true;
    if (this.#handle === undefined && !(await this.#write(new Uint8Array(0)))) return this.#passOn();
    if (!(await this.#keep())) return this.#passOn();
    this.state = 'kept';
    this.#known({ ...this.#read.facts!, sizeBytes: this.#written });
  }

  /** @returns false when the disk does not take it */
  async #write(piece: Uint8Array): Promise<boolean> {
    try {
      if (this.#handle === undefined) {
        await mkdir(dirname(this.#parts.partial), { recursive: true });
        this.#handle = await open(this.#parts.partial, 'w+', 0o644);
      }
      for (let at = 0; at < piece.length; ) {
        const { bytesWritten } = await this.#handle.write(piece, at, piece.length - at, this.#written + at);
        at += bytesWritten;
      }
      return true;
    } catch (error) {
      this.error = error as Error;
      return false;
    }
  }

  /** @throws UpstreamError when it is not what was published */
  async #verify({ hash }: UpstreamRead): Promise<void> {
    const expected = await this.#sum;
    const found = hash.copy().digest('hex');
    if (expected !== undefined && expected !== found)
      throw new UpstreamError(`the checksum is wrong: published is ${expected}, and what came has ${found}`);
  }

  /** @returns false when the disk does not take it */
  async #keep(): Promise<boolean> {
    const { folder, file, partial } = this.#parts;
    const { lastModified } = this.#read.facts!;
    try {
      const date = lastModified === undefined ? Number.NaN : Date.parse(lastModified) / 1000;
      if (!Number.isNaN(date)) await this.#handle!.utimes(date, date);
      await this.#handle!.sync();
      await makeFolders(folder, dirname(file));
      await rename(partial, file);
      return true;
    } catch (error) {
      this.error = error as Error;
      return false;
    }
  }

  /** The disk is full. Where the upstream did not tell the size, nobody has an answer yet, and none can be given. */
  #passOn(): void {
    const { facts } = this.#read;
    this.#abort.abort();
    if (this.#isVerified) this.#known({ ...facts!, sizeBytes: this.#written });
    else if (facts?.sizeBytes === undefined)
      throw new UpstreamError(
        `the disk does not take it (${this.error?.message}), and the upstream tells no length`,
      );
    this.state = 'disk-full';
  }

  /** What has come stays readable until the claim is given back. @returns gives it back; a second call does nothing */
  claim(): () => Promise<void> {
    this.#claims++;
    let isOver = false;
    return async () => {
      if (isOver) return;
      isOver = true;
      this.#claims--;
      await this.#closeIfUnread();
    };
  }

  /** Bytes `start` to `end` (exclusive), as they come. @param over gives back the claim, which the stream takes over */
  stream(start: number, end: number, over: () => Promise<void>): ReadableStream<Uint8Array> {
    let reading: Promise<unknown> | undefined;
    const gone = new AbortController();
    const source = this.#pieces(start, end, gone.signal);
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            reading = source.next();
            const { value, done } = (await reading) as IteratorResult<Uint8Array>;
            if (gone.signal.aborted) return;
            if (done !== true) controller.enqueue(value);
            else {
              await over();
              controller.close();
            }
          } catch (error) {
            await over();
            throw error;
          }
        },
        async cancel() {
          gone.abort();
          // A descriptor must not be closed under a read that is under way; one that waits for bytes is woken.
          await reading?.catch(() => {});
          await source.return(undefined).catch(() => {});
          await over();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async *#pieces(start: number, end: number, gone: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const left = new Promise<void>((resolve) =>
      gone.addEventListener('abort', () => resolve(), { once: true }),
    );
    let at = start;
    while (at < end && !gone.aborted) {
      if (this.state === 'failed') throw this.error;
      const count = Math.min(PIECE_BYTES, Math.min(end, this.#readable(end)) - at);
      if (count > 0) {
        const piece = await this.#readDisk(at, count);
        at += piece.length;
        yield piece;
      } else if (this.state === 'disk-full') return yield* this.#beyondDisk(at, end, gone);
      else await Promise.race([this.#changed, left]);
    }
  }

  async #readDisk(at: number, count: number): Promise<Uint8Array> {
    const piece = new Uint8Array(count);
    const { bytesRead } = await this.#handle!.read(piece, 0, count, at);
    if (bytesRead === 0) throw new UpstreamError(`the file ended at byte ${at}`);
    return piece.subarray(0, bytesRead);
  }

  /** How far it may be read. @param end of what the reader wants: who does not want the last bytes is not held back */
  #readable(end: number): number {
    const size = this.#read.facts?.sizeBytes;
    if (this.#isVerified || size === undefined || end < size) return this.#written;
    return Math.min(this.#written, Math.max(0, size - HELD_BACK_BYTES));
  }

  /** The rest, by a request of this reader's own, with the same checks; its pace is the reader's. */
  async *#beyondDisk(at: number, end: number, gone: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const { hash, offset, facts } = this.#read;
    const isLast = end === facts!.sizeBytes;
    const held: Uint8Array[] = [];
    while (at < offset) {
      const piece = await this.#readDisk(at, offset - at);
      at += piece.length;
      held.push(piece);
    }
    const own = new UpstreamRead(this.#parts.url, gone, { hash, offset, facts: facts! }, this.#parts.timing);
    let unwanted = at - offset;
    for await (const piece of own.bytes()) {
      const rest = piece.subarray(Math.min(unwanted, piece.length)).subarray(0, end - at);
      unwanted -= Math.min(unwanted, piece.length);
      if (rest.length === 0) continue;
      at += rest.length;
      if (isLast && at > end - HELD_BACK_BYTES) held.push(rest);
      else yield rest;
      if (at === end && !isLast) return;
    }
    if (isLast) await this.#verify(own);
    for (const piece of held) yield piece;
  }

  async #closeIfUnread(): Promise<void> {
    if (this.#claims > 0 || this.state === 'filling' || this.#handle === undefined) return;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle.close().catch(() => {});
  }

  /** The server ends: what is not whole is not kept. */
  close(): Promise<void> {
    if (this.state === 'filling') this.#abort.abort(new UpstreamError('the server is closing', 503));
    return this.ended;
  }
}

/** Makes the folders between two, and none outside of the first. @throws where a link leads out of it */
async function makeFolders(root: string, folder: string): Promise<void> {
  const realRoot = await realpath(root);
  let at = realRoot;
  for (const name of relative(root, folder).split(sep)) {
    if (name === '') continue;
    const path = join(at, name);
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    at = await realpath(path);
    if (!at.startsWith(`${realRoot}${sep}`)) throw new Error(`${path} leads out of the folder`);
  }
}
