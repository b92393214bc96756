/**
 * What a file system tells about a file, and how far that tells one version of it from the next.
 *
 * The time of modification alone does not: builds that can be reproduced give one time to every file (Nix
 * 1, npm's packages 1985, container layers and archives any), copies keep it, and a file may be set back.
 * The time of change (ctime) cannot be set by anybody, and a file that replaces another has an inode of its
 * own. What even these do not tell: two changes within one tick of the clock (which is why a file must have
 * settled), bytes written through a mapping until the kernel writes them back, and two images of a file
 * system that keeps no time of change and numbers inodes in order (squashfs, ISO 9660), built with one time
 * for all. Small files are recognised by their content, so all of this matters to large ones only.
 */
import type { Stats } from 'node:fs';

export interface FileFacts {
  readonly device: number;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Cannot be set back by whoever changes the file, as the time of modification can. */
  readonly changedMs: number;
}

/** The clock that files are stamped with ticks every 10 ms where it is slowest (CONFIG_HZ=100); twice that. */
const FINE_TICK_MS = 20;

/** File systems that keep no fractions have ticks of 1 s, FAT of 2 s. */
const COARSE_TICK_MS = 2500;

/** Logs and recordings are written to more often than this. */
const WRITING_MS = 10_000;

/** Parts of 244 ns: what a double can tell apart in milliseconds since 1970. */
const PARTS_PER_MS = 4096;

/** 128 bits: no two versions of anything ever meet in these. */
const TAG_CHARACTERS = 22;

export function factsOf(stats: Stats): FileFacts {
  return {
    device: stats.dev,
    inode: stats.ino,
    sizeBytes: stats.size,
    modifiedMs: stats.mtimeMs,
    changedMs: stats.ctimeMs,
  };
}

export function isSame(a: FileFacts, b: FileFacts): boolean {
  return (
    a.modifiedMs === b.modifiedMs &&
    a.changedMs === b.changedMs &&
    a.sizeBytes === b.sizeBytes &&
    a.inode === b.inode &&
    a.device === b.device
  );
}

/**
 * Whether any change from now on shows in the facts. One that follows the last within a tick may not.
 * @param nowMs from before the facts were asked for
 */
export function isSettled(facts: FileFacts, nowMs: number): boolean {
  const { changedMs } = facts;
  return changedMs + (changedMs % 1000 === 0 ? COARSE_TICK_MS : FINE_TICK_MS) <= nowMs;
}

/**
 * Whether somebody is just writing it, as far as its times tell: a log, an upload, a recording. What is sent of it would
 * rarely be what its tag says by the time that it has arrived.
 */
export function isBeingWritten({ modifiedMs }: FileFacts, nowMs: number): boolean {
  return modifiedMs <= nowMs && modifiedMs > nowMs - WRITING_MS;
}

/** For files that are not read before they are sent. Hashed, because inodes tell strangers about the disk. */
export function versionOfFacts(facts: FileFacts): string {
  const { inode, sizeBytes, modifiedMs, changedMs } = facts;
  const parts = [
    inode,
    sizeBytes,
    Math.round(modifiedMs * PARTS_PER_MS),
    Math.round(changedMs * PARTS_PER_MS),
  ];
  return tagOf(parts.join());
}

/** The same on every machine and after every deployment that leaves the bytes as they are. */
export function versionOfContent(content: Uint8Array): string {
  return tagOf(content);
}

function tagOf(data: string | Uint8Array): string {
  // 8 ms of CPU time to load, which no start waits for.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(data).digest('base64url').slice(0, TAG_CHARACTERS);
}
