/** What is known of machines and of what they fetched: plain data, kept over restarts and shown to operators. */
import type { MachineFacts } from './machine-facts.ts';

/**
 * How a transfer ended. `completed`: the last byte was handed to the kernel; `aborted`: the machine went before; `failed`: we
 * could not go on; `interrupted`: the server ended meanwhile, and nobody saw how it went on.
 */
export type TransferOutcome = 'running' | 'completed' | 'aborted' | 'failed' | 'interrupted';

export interface TransferRecord {
  readonly id: number;
  readonly machine: string;
  /** The path, as it was asked for. */
  readonly artifact: string;
  readonly address: string;
  /** In ms since 1970, as all moments here. */
  readonly startedMs: number;
  endedMs: number | null;
  /** Byte of the artifact at which it begins: not 0 for a range. */
  readonly firstByte: number;
  /** Bytes of content, handed over so far. */
  bytes: number;
  /** That the answer has; null where nobody knows. */
  readonly totalBytes: number | null;
  /** Times that nothing moved for a while, and how long these were together. */
  pauses: number;
  pausedMs: number;
  /** How often the machine had begun the same artifact at its first byte of late. */
  readonly restarts: number;
  outcome: TransferOutcome;
  /** How the connection ended, or what went wrong; null while all is well. */
  reason: string | null;
  readonly source: 'folder' | 'upstream';
}

export interface MachineRecord {
  readonly machine: string;
  facts: MachineFacts;
  address: string;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  /** Scripts that it was given. */
  boots: number;
  /** What the last of these was for. */
  profile: string | null;
}

/** A machine that begins the same artifact again and again. */
export interface RestartLoop {
  readonly machine: string;
  readonly artifact: string;
  readonly starts: number;
  readonly sinceMs: number;
  readonly lastMs: number;
  /** How each ended, the first one first. */
  readonly ends: readonly string[];
}

/** In words, as `aborted after 12582912 bytes (client-reset)`. */
export function endText({ outcome, bytes, reason }: TransferRecord): string {
  if (outcome === 'completed' || outcome === 'running') return outcome;
  return `${outcome} after ${bytes} bytes${reason === null ? '' : ` (${reason})`}`;
}

/** What a store gives back, and what it is given. */
export interface Kept {
  readonly machines: readonly MachineRecord[];
  readonly transfers: readonly TransferRecord[];
}

/** Where records outlast the process. */
export interface MachineStore {
  /** A word for people: `SQLite` or `journal`. */
  readonly kind: string;
  load(): Kept;
  /** Keeps these, in place of what is kept under the same names, and forgets machines with all that they fetched. */
  write(changed: Kept, forgottenMachines: readonly string[], forgottenTransfers: readonly number[]): void;
  close(): void;
}
