/**
 * The FileSource port: what a folder of files must offer to be served. The handler above it knows HTTP
 * and no disk; a source knows its storage and no HTTP. `disk.ts` is the one over a file system.
 *
 * Promises of every source: nothing outside of its root is ever opened, whatever the path; an opened
 * file is a regular file, and its facts were taken from the opened file itself, not from its name.
 */

import type { OpenFilePart } from '../web/open-file-part.ts';

/**
 * A path below the root, as raw bytes in a string of one character a byte (latin1), segments joined
 * by `/`, without a leading or trailing one; empty for the root itself. File names on Linux are bytes:
 * decoding them to text first would make some of them unreachable and others equal.
 */
export type RawPath = string;

export interface OpenFile {
  readonly sizeBytes: number;
  /** Last change of the content, in milliseconds since 1970, with the fraction that the storage keeps. */
  readonly modifiedMs: number;
  /**
   * The last moment at which anything was done to the file, which nobody can set back. A `modifiedMs` that
   * is earlier was set: another version may have the same.
   */
  readonly changedMs: number;
  /** Differs between any two contents, safe in an entity tag; `undefined` while the storage cannot tell. */
  readonly version: string | undefined;
  /** The whole of it, where the source has it in memory: borrowed, never changed by the reader. */
  readonly content: Uint8Array<ArrayBuffer> | undefined;
  /** Reads at `offsetBytes` into `into`, as much as it finds; 0 at the end of the file. */
  read(into: Uint8Array, offsetBytes: number): Promise<number>;
  /**
   * Whether what has been read up to now is of the version that was opened: asked before bytes are passed on. A file that
   * has no `version`, because it is being written, may grow.
   */
  isUnchanged(): Promise<boolean>;
  /**
   * A part of it for those who send files by themselves, at that many bytes a second at most: whoever takes it closes it, in place of
   * `close`. undefined where there is no descriptor.
   */
  part(start: number, end: number, paceBytesPerSecond: number | undefined): OpenFilePart | undefined;
  /** Gives the descriptor back. The caller calls it exactly once, and not while a read is under way. */
  close(): Promise<void>;
}

export interface ListedEntry {
  /** Raw bytes, one a character, as in RawPath. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** The names in a folder as they were at one moment, in the order of showing. What they lead to is told part by part. */
export interface Listing {
  readonly count: number;
  /** How many of the names are of folders; these come first. */
  readonly folderCount: number;
  /** There are more names than the source lists. */
  readonly isCut: boolean;
  /** Entries of the names from `from` to `to` (exclusive), without those that `open` would refuse. */
  describe(from: number, to: number): Promise<readonly ListedEntry[]>;
  /** Entries of all names, smaller or older ones first. Some 150 bytes each are in memory then. */
  sorted(by: 'size' | 'time'): Promise<readonly ListedEntry[]>;
  /** Gives the names back; a second call does nothing. */
  close(): void;
}

export type Opened =
  | { readonly kind: 'file'; readonly file: OpenFile }
  | { readonly kind: 'directory' }
  /** Not there, not readable, not a regular file, or outside of the root: the client must not learn which. */
  | { readonly kind: 'missing' }
  /** The host has run out of descriptors or memory for now: the client may try again. */
  | { readonly kind: 'busy' };

export type Listed =
  | { readonly kind: 'folder'; readonly listing: Listing }
  /** No readable folder of ours. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'busy' };

/** Both reject when the storage fails in a way that says nothing about the path, as a broken disk does. */
export interface FileSource {
  /**
   * What can be said without waiting: a file that is in memory and still the one on the disk, or that a name which was asked for before
   * still leads nowhere; undefined otherwise. Its content is all there; it need not be closed.
   */
  openKept(path: RawPath): OpenFile | 'missing' | undefined;
  /**
   * A file that is too large to be in memory, and open already for others: still the one on the disk, to be closed like any that was
   * opened. undefined where that cannot be said without waiting.
   */
  openShared(path: RawPath): OpenFile | undefined;
  open(path: RawPath): Promise<Opened>;
  list(path: RawPath): Promise<Listed>;
}
