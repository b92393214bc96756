/** A file that is in memory whole: a small one of a disk, whose descriptor is gone already, or one that was made here. */
import { versionOfContent } from './file-facts.ts';
import type { OpenFile } from './source.ts';

export class MemoryFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly version: string;
  readonly content: Uint8Array<ArrayBuffer>;

  /** @param content is not changed by anybody from now on */
  constructor(content: Uint8Array<ArrayBuffer>, modifiedMs: number, changedMs: number) {
    this.content = content;
    this.sizeBytes = content.length;
    this.modifiedMs = modifiedMs;
    this.changedMs = changedMs;
    this.version = versionOfContent(content);
  }

  async read(into: Uint8Array, offsetBytes: number): Promise<number> {
    const piece = this.content.subarray(offsetBytes, offsetBytes + into.length);
    into.set(piece);
    return piece.length;
  }

  async isUnchanged(): Promise<boolean> {
    return true;
  }

  part(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}
}
