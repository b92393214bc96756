/**
 * What one connection has committed and its socket has not been given yet, in order: memory, files, and the memory behind each.
 * Most connections never have one.
 */
import type { Socket } from 'node:net';
import type { FileProgress } from '../file-progress.ts';
import { firstPartOf } from '../send-parts.ts';
import { type Segment, setAside } from './segments.ts';
import type { SendArena, SendBlock } from './send-arena.ts';

interface QueuedFile {
  readonly file: FileProgress;
  readonly behind: Segment[];
}

/** Gives the socket bytes[start..end). @hot */
export function writeInParts(socket: Socket, bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const part = at + firstPartOf(end - at);
    socket.write(bytes.subarray(at, part));
    at = part;
  }
}

export class SendQueue {
  bytes = 0;
  /** Before the first file. */
  #segments: Segment[] = [];
  #files: QueuedFile[] = [];

  get isEmpty(): boolean {
    return this.#segments.length === 0 && this.#files.length === 0;
  }

  /** What is to be sent when no memory lies before it any more. */
  get file(): FileProgress | undefined {
    return this.#files[0]?.file;
  }

  /** Bytes of the arena; what follows within the turn may lie there too. */
  add(block: SendBlock, start: number, end: number): void {
    this.#last.push({ block, buffer: block.buffer, start, end });
    this.bytes += end - start;
    if (block.floor < end) block.floor = end;
  }

  /** Moves what lies in the arena into memory of its own. */
  setAside(arena: SendArena): void {
    setAside(this.#last, arena);
  }

  /** What was added before has been set aside. */
  addFile(file: FileProgress): void {
    this.#files.push({ file, behind: [] });
    this.bytes += file.end - file.at;
  }

  get #last(): Segment[] {
    return this.#files.at(-1)?.behind ?? this.#segments;
  }

  /** One vectored write of the memory before the first file. @returns its bytes */
  writeTo(socket: Socket): number {
    const segments = this.#segments;
    if (segments.length === 0) return 0;
    this.#segments = [];
    let bytes = 0;
    socket.cork();
    for (const { buffer, end } of segments) {
      bytes += end;
      socket.write(end === buffer.length ? buffer : buffer.subarray(0, end));
    }
    socket.uncork();
    this.bytes -= bytes;
    return bytes;
  }

  /** The socket has been given `size` more bytes of the first file. */
  tookFromFile(size: number): void {
    const { file, behind } = this.#files[0]!;
    this.bytes -= size;
    file.at += size;
    if (!file.isWhole) return;
    this.#files.shift();
    this.#segments = behind;
    file.release();
  }

  /** The socket is closed: nobody reads of any of it. */
  release(arena: SendArena): void {
    const segments = [...this.#segments, ...this.#files.flatMap(({ behind }) => behind)];
    const files = this.#files;
    this.#segments = [];
    this.#files = [];
    this.bytes = 0;
    for (const { block } of segments) if (block !== undefined) arena.unpin(block);
    for (const { file } of files) file.giveUp();
  }
}
