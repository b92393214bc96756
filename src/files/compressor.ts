/**
 * Files compressed when they are asked for: off the loop, by the thread pool, two at a time, and once for all who ask.
 * What came out is kept, up to a bound; what did not become smaller is remembered as such. Entity tags are hashes of the
 * compressed bytes, so ranges of these can be asked for as of any file.
 */
import type { BrotliOptions, InputType } from 'node:zlib';
import type { Coding } from './accept-encoding.ts';
import { MemoryFile } from './memory-file.ts';
import type { FileSource, OpenFile, RawPath } from './source.ts';
import { Turns } from './turns.ts';

/** Less fits into one segment anyway. */
const SIZE_BYTES_MIN = 1024;

/** A tenth of a second of one core for brotli; larger texts are better compressed once, beside the file. */
const SIZE_BYTES_MAX = 4 * 1024 * 1024;

/** The thread pool has 4 threads for everybody, and opening files needs them too. */
const WORKING_MAX = 2;

/** Files that wait for their turn; beyond, they are sent as they are. */
const WAITING_MAX = 64;

/** Saves less than this: as it is, it needs no decompressing. */
const GAIN_MIN = 0.05;

/** What an entry costs beside its bytes. */
const ENTRY_BYTES = 512;

/** The levels go to 11. This one takes a third of the time of gzip's best, and what it makes is smaller. */
const BROTLI_QUALITY = 5;

type Zlib = typeof import('node:zlib');

/** The codings that this Node has: zstd since 22.15 and 23.8. */
export function compressibleCodings(): readonly Coding[] {
  return process.versions['zstd'] === undefined ? ['br', 'gzip'] : ['br', 'zstd', 'gzip'];
}

export class Compressor {
  readonly #source: FileSource;
  readonly #bytesMax: number;
  /** In the order of their last use; null for what is not worth it. */
  readonly #kept = new Map<string, MemoryFile | null>();
  readonly #working = new Map<string, Promise<MemoryFile | null>>();
  readonly #turns = new Turns(WORKING_MAX);
  #bytes = 0;

  constructor(source: FileSource, bytesMax: number) {
    this.#source = source;
    this.#bytesMax = bytesMax;
  }

  /** Whether a file of that size and version is compressed at all. */
  takes(file: OpenFile): boolean {
    return file.version !== undefined && file.sizeBytes >= SIZE_BYTES_MIN && file.sizeBytes <= SIZE_BYTES_MAX;
  }

  /**
   * @param file which it takes; it stays the caller's
   * @returns null where the file is better sent as it is
   */
  compressed(path: RawPath, file: OpenFile, coding: Coding): MemoryFile | null | Promise<MemoryFile | null> {
    // The path too: what is kept has the dates of this one, and is answered with its fields.
    const key = `${coding} ${file.version} ${path}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const working = this.#working.get(key);
    if (working !== undefined) return working;
    if (this.#turns.waitingCount >= WAITING_MAX) return null;
    const work = this.#turns
      .of(() => this.#work(key, path, file.version!, coding))
      .finally(() => this.#working.delete(key));
    this.#working.set(key, work);
    return work;
  }

  async #work(key: string, path: RawPath, version: string, coding: Coding): Promise<MemoryFile | null> {
    try {
      const bytes = await this.#read(path, version);
      if (bytes === undefined) return null;
      const out = await compress(await import('node:zlib'), bytes.content, coding);
      const isWorthIt = out.length <= bytes.content.length * (1 - GAIN_MIN);
      // A copy of its own: what zlib gives may be a part of something larger.
      const made = isWorthIt ? new MemoryFile(new Uint8Array(out), bytes.modifiedMs, bytes.changedMs) : null;
      this.#keep(key, made);
      return made;
    } catch {
      // Out of memory, or the file has gone: it is sent as it is, or the next look says what is wrong.
      return null;
    }
  }

  /** @returns undefined where another version is there by now */
  async #read(
    path: RawPath,
    version: string,
  ): Promise<{ content: Uint8Array; modifiedMs: number; changedMs: number } | undefined> {
    const opened = await this.#source.open(path);
    if (opened.kind !== 'file') return undefined;
    const { file } = opened;
    try {
      const { modifiedMs, changedMs, sizeBytes } = file;
      if (file.version !== version) return undefined;
      if (file.content !== undefined) return { content: file.content, modifiedMs, changedMs };
      const content = new Uint8Array(sizeBytes);
      for (let at = 0; at < sizeBytes; ) {
        const count = await file.read(content.subarray(at), at);
        if (count === 0) return undefined;
        at += count;
      }
      return (await file.isUnchanged()) ? { content, modifiedMs, changedMs } : undefined;
    } finally {
      await file.close();
    }
  }

  #keep(key: string, file: MemoryFile | null): void {
    this.#kept.set(key, file);
    this.#bytes += costOf(file);
    for (const [oldestKey, oldest] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#kept.delete(oldestKey);
      this.#bytes -= costOf(oldest);
    }
  }
}

function costOf(file: MemoryFile | null): number {
  return ENTRY_BYTES + (file?.sizeBytes ?? 0);
}

function compress(zlib: Zlib, bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, out: Uint8Array): void => {
      if (error === null) resolve(out);
      else reject(error);
    };
    const { constants } = zlib;
    if (coding === 'gzip') zlib.gzip(bytes, done);
    else if (coding === 'zstd') zstdOf(zlib)(bytes, done);
    else {
      const params: BrotliOptions['params'] = {
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      };
      zlib.brotliCompress(bytes, { params }, done);
    }
  });
}

type Zstd = (bytes: InputType, done: (error: Error | null, out: Uint8Array) => void) => void;

/** The oldest Node that is supported does not have it yet. */
function zstdOf(zlib: Zlib): Zstd {
  return (zlib as unknown as { readonly zstdCompress: Zstd }).zstdCompress;
}
