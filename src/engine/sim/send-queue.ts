/** What a simulated connection has committed and the kernel has not taken, in order: bytes and files. */
import type { FileProgress } from '../file-progress.ts';
import { ByteQueue } from './byte-queue.ts';

interface QueuedFile {
  readonly file: FileProgress;
  readonly behind: ByteQueue;
}

export class SendQueue {
  length = 0;
  /** Bytes in memory: what is to come of files takes none. */
  heldBytes = 0;
  #bytes = new ByteQueue();
  #files: QueuedFile[] = [];

  pushCopy(bytes: Uint8Array, start: number, end: number): void {
    (this.#files.at(-1)?.behind ?? this.#bytes).pushCopy(bytes, start, end);
    this.length += end - start;
    this.heldBytes += end - start;
  }

  pushFile(file: FileProgress): void {
    this.#files.push({ file, behind: new ByteQueue() });
    this.length += file.end - file.at;
  }

  /** The file that comes next, when nothing lies before it. */
  get file(): FileProgress | undefined {
    return this.#bytes.length > 0 ? undefined : this.#files[0]?.file;
  }

  /** Bytes before the first file. */
  get byteCount(): number {
    return this.#bytes.length;
  }

  take(size: number): Uint8Array {
    this.length -= size;
    this.heldBytes -= size;
    return this.#bytes.take(size);
  }

  tookFromFile(size: number): void {
    const { file, behind } = this.#files[0]!;
    this.length -= size;
    file.at += size;
    if (!file.isWhole) return;
    this.#files.shift();
    this.#bytes = behind;
    file.release();
  }

  clear(): void {
    const files = this.#files;
    this.length = 0;
    this.heldBytes = 0;
    this.#bytes.clear();
    this.#files = [];
    for (const { file } of files) file.giveUp();
  }
}
