/** A range of a file in the queue of a connection. */
import type { FileRange } from '../engine.ts';
import { FileProgress } from '../file-progress.ts';

/** Whose range it is. */
export interface FileOwner {
  /** What was missing in memory is there, or cannot be read. */
  fileReadEnded(errno: number): void;
}

export class QueuedFile extends FileProgress {
  readonly owner: FileOwner;

  constructor(range: FileRange, owner: FileOwner) {
    super(range);
    this.owner = owner;
  }
}
