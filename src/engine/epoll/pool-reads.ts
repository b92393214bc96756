/** Reads of files by libuv's pool of threads, for the page cache's sake alone. */
import { read } from 'node:fs';
import type { QueuedFile } from '../descriptor/queued-file.ts';
import { FILE_WINDOW_BYTES } from '../engine.ts';

/** Half of the pool's four threads: the rest is for others (libuv, UV_THREADPOOL_SIZE). */
export const POOL_READS_MAX = 2;

/** Written to by all reads at once; nobody looks. */
let scratch: Uint8Array | undefined;

/** Reads the rest of a window. @param ended is told bytes, or a negative errno; never from within the call */
export function readByPool(file: QueuedFile, ended: (file: QueuedFile, result: number) => void): true {
  scratch ??= new Uint8Array(FILE_WINDOW_BYTES);
  read(file.fd, scratch, 0, file.windowEnd - file.at, file.at, (error, count) =>
    ended(file, error === null ? count : (error.errno ?? -1)),
  );
  return true;
}
