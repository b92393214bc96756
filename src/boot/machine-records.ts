/**
 * The machines that boot here and what each fetches: how far, how fast, with which pauses, and how it ended. It sees restart
 * loops. Records are kept in memory, bounded, and given to a store a second later at most, so that a restart forgets nothing.
 */
import type { LoggerLike } from '../observe/logger-like.ts';
import { type MachineFacts, machineKey } from './machine-facts.ts';
import {
  endText,
  type MachineRecord,
  type MachineStore,
  type RestartLoop,
  type TransferOutcome,
  type TransferRecord,
} from './transfer-record.ts';

/** A large site; a record is some 2 KiB with its transfers. The one seen longest ago is forgotten. */
const MACHINES_MAX = 10_000;
/** A boot takes three to ten files; this is the last few boots. */
const TRANSFERS_PER_MACHINE_MAX = 50;
/** How often progress is looked at and records are stored. */
const LOOK_MS = 1000;
/** Nothing moved for so long: a pause. Below it is a slow machine's ordinary pace. */
const PAUSE_MS = 2000;
/** A rate is of the last while: looks at 1 s are too jumpy for people. */
const RATE_LOOKS = 5;
/** Beginning anew so often within so long is a loop: firmware and iPXE give up after a minute or so and are reset. */
const LOOP_STARTS = 3;
const LOOP_WINDOW_MS = 15 * 60_000;
/** Scripts and settings are asked for several times in a good boot; kernels are larger. */
const LOOP_BYTES_MIN = 64 * 1024;

export interface BootEvent {
  readonly event: 'boot' | 'completed' | 'aborted' | 'failed' | 'restart-loop';
  readonly machine: string;
  readonly atMs: number;
  readonly transfer?: TransferRecord;
  readonly loop?: RestartLoop;
  readonly profile?: string;
}

/** What begins. */
interface TransferStart {
  readonly artifact: string;
  readonly address: string;
  readonly firstByte: number;
  readonly totalBytes: number | null;
  readonly source: 'folder' | 'upstream';
  /** Bytes handed over so far, asked for while it runs. */
  progress(): number;
}

interface Running {
  readonly record: TransferRecord;
  readonly progress: () => number;
  /** Bytes at the last looks, the latest last. */
  readonly looks: number[];
  movedAtMs: number;
  isPaused: boolean;
}

interface BootCounts {
  readonly scripts: number;
  readonly outcomes: Readonly<Record<'completed' | 'aborted' | 'failed', number>>;
  readonly bytes: number;
  readonly pauses: number;
  readonly restartLoops: number;
}

export interface MachineRow extends MachineRecord {
  readonly transfers: readonly (TransferRecord & {
    readonly rateBytesPerSecond: number;
    readonly stallMs: number;
  })[];
  readonly restartLoops: readonly RestartLoop[];
}

export class MachineRecords {
  readonly #store: MachineStore | undefined;
  readonly #now: () => number;
  readonly #logger: LoggerLike;
  readonly #tell: (event: BootEvent) => void;
  /** The one seen longest ago first. */
  readonly #machines = new Map<string, MachineRecord>();
  /** Those of a machine, the oldest first. */
  readonly #transfers = new Map<string, TransferRecord[]>();
  readonly #running = new Map<number, Running>();
  readonly #changedMachines = new Set<MachineRecord>();
  readonly #changedTransfers = new Set<TransferRecord>();
  readonly #forgottenMachines: string[] = [];
  readonly #forgottenTransfers: number[] = [];
  readonly #standIns = new Map<string, number>();
  readonly #outcomes = { completed: 0, aborted: 0, failed: 0 };
  #timer: ReturnType<typeof setInterval> | undefined;
  #nextId = 1;
  #scripts = 0;
  #bytes = 0;
  #pauses = 0;
  #loops = 0;
  #storeFailed = false;

  /** @param store none: records live as long as the process */
  constructor(
    store: MachineStore | undefined,
    logger: LoggerLike,
    tell: (event: BootEvent) => void = () => {},
    now: () => number = Date.now,
  ) {
    this.#store = store;
    this.#logger = logger;
    this.#tell = tell;
    this.#now = now;
    if (store !== undefined) this.#load(store);
  }

  #load(store: MachineStore): void {
    const { machines, transfers } = store.load();
    for (const each of [...machines].sort((a, b) => a.lastSeenMs - b.lastSeenMs))
      this.#machines.set(each.machine, each);
    for (const each of [...transfers].sort((a, b) => a.id - b.id)) {
      this.#nextId = Math.max(this.#nextId, each.id + 1);
      if (!this.#machines.has(each.machine)) continue;
      this.#transfersOf(each.machine).push(each);
      if (each.outcome !== 'running') continue;
      each.outcome = 'interrupted';
      each.reason = 'the server ended';
      this.#changedTransfers.add(each);
    }
    this.#arm();
  }

  /** A script of ours stood in for a file that boot loaders look for. @param name one of the few that we stand in for */
  stoodIn(name: string): void {
    this.#standIns.set(name, (this.#standIns.get(name) ?? 0) + 1);
  }

  /** Counts by the name of the file. */
  get standIns(): ReadonlyMap<string, number> {
    return this.#standIns;
  }

  /** A machine was given a script. */
  seen(facts: MachineFacts, address: string, profile: string): void {
    const nowMs = this.#now();
    const record = this.#machine(machineKey(facts) ?? address, address, nowMs);
    record.facts = { ...record.facts, ...facts };
    record.boots++;
    record.profile = profile;
    this.#scripts++;
    this.#tell({ event: 'boot', machine: record.machine, atMs: nowMs, profile });
  }

  /** @param machine who fetches; its address where nobody knows more */
  begin(machine: string, start: TransferStart): (outcome: TransferOutcome, reason: string | null) => void {
    const nowMs = this.#now();
    this.#machine(machine, start.address, nowMs);
    const { artifact, address, firstByte, totalBytes, source } = start;
    const before = this.#startsOf(machine, artifact, nowMs);
    const record: TransferRecord = {
      id: this.#nextId++,
      machine,
      artifact,
      address,
      startedMs: nowMs,
      endedMs: null,
      firstByte,
      bytes: 0,
      totalBytes,
      pauses: 0,
      pausedMs: 0,
      restarts: firstByte === 0 ? before.length : 0,
      outcome: 'running',
      reason: null,
      source,
    };
    const transfers = this.#transfersOf(machine);
    transfers.push(record);
    if (transfers.length > TRANSFERS_PER_MACHINE_MAX) this.#forgetTransfer(transfers);
    this.#changedTransfers.add(record);
    this.#running.set(record.id, {
      record,
      progress: () => start.progress(),
      looks: [0],
      movedAtMs: nowMs,
      isPaused: false,
    });
    this.#arm();
    if (firstByte === 0) this.#lookForLoop(machine, artifact, nowMs);
    return (outcome, reason) => this.#end(record, outcome, reason);
  }

  /** One that has ended is forgotten first; with 50 under way at once, the oldest of these. */
  #forgetTransfer(transfers: TransferRecord[]): void {
    const at = Math.max(
      0,
      transfers.findIndex(({ outcome }) => outcome !== 'running'),
    );
    const [old] = transfers.splice(at, 1);
    if (old === undefined) return;
    this.#changedTransfers.delete(old);
    this.#forgottenTransfers.push(old.id);
  }

  #end(record: TransferRecord, outcome: TransferOutcome, reason: string | null): void {
    const running = this.#running.get(record.id);
    if (running === undefined) return;
    const nowMs = this.#now();
    this.#look(running, nowMs);
    this.#running.delete(record.id);
    record.endedMs = nowMs;
    record.outcome = outcome;
    record.reason = reason;
    if (outcome === 'completed' || outcome === 'aborted' || outcome === 'failed') {
      this.#outcomes[outcome]++;
      this.#tell({ event: outcome, machine: record.machine, atMs: nowMs, transfer: { ...record } });
    }
    this.#changedTransfers.add(record);
    this.#arm();
  }

  /** Starts of one artifact at its first byte, of late. */
  #startsOf(machine: string, artifact: string, nowMs: number): TransferRecord[] {
    return this.#transfersOf(machine).filter(
      (each) =>
        each.artifact === artifact &&
        each.firstByte === 0 &&
        nowMs - each.startedMs <= LOOP_WINDOW_MS &&
        (each.totalBytes === null || each.totalBytes >= LOOP_BYTES_MIN),
    );
  }

  #loopOf(machine: string, artifact: string, nowMs: number): RestartLoop | undefined {
    const starts = this.#startsOf(machine, artifact, nowMs);
    if (starts.length < LOOP_STARTS) return undefined;
    return {
      machine,
      artifact,
      starts: starts.length,
      sinceMs: starts[0]!.startedMs,
      lastMs: starts.at(-1)!.startedMs,
      ends: starts.map(endText),
    };
  }

  /** It is called out when it is one, and again each time that it has become twice as long. */
  #lookForLoop(machine: string, artifact: string, nowMs: number): void {
    const loop = this.#loopOf(machine, artifact, nowMs);
    if (loop === undefined || !Number.isInteger(Math.log2(loop.starts / LOOP_STARTS))) return;
    if (loop.starts === LOOP_STARTS) this.#loops++;
    this.#logger.warn(
      `restart loop: ${machine} has begun ${artifact} ${loop.starts} times within ${Math.ceil((loop.lastMs - loop.sinceMs) / 1000)} s; ends: ${loop.ends.join(', ')}`,
    );
    this.#tell({ event: 'restart-loop', machine, atMs: nowMs, loop });
  }

  #machine(machine: string, address: string, nowMs: number): MachineRecord {
    const known = this.#machines.get(machine);
    const record: MachineRecord = known ?? {
      machine,
      facts: {},
      address,
      firstSeenMs: nowMs,
      lastSeenMs: nowMs,
      boots: 0,
      profile: null,
    };
    record.lastSeenMs = nowMs;
    record.address = address;
    this.#machines.delete(machine);
    this.#machines.set(machine, record);
    this.#changedMachines.add(record);
    if (this.#machines.size > MACHINES_MAX) this.#forgetOldest();
    this.#arm();
    return record;
  }

  #forgetOldest(): void {
    for (const [machine, record] of this.#machines) {
      if (this.#transfersOf(machine).some(({ outcome }) => outcome === 'running')) continue;
      for (const each of this.#transfersOf(machine)) this.#changedTransfers.delete(each);
      this.#machines.delete(machine);
      this.#transfers.delete(machine);
      this.#changedMachines.delete(record);
      this.#forgottenMachines.push(machine);
      return;
    }
  }

  #transfersOf(machine: string): TransferRecord[] {
    let transfers = this.#transfers.get(machine);
    if (transfers === undefined) this.#transfers.set(machine, (transfers = []));
    return transfers;
  }

  /** Looks while something runs, and stores while something has changed; an idle server has no timer. */
  #arm(): void {
    this.#timer ??= setInterval(() => this.tick(), LOOK_MS).unref();
  }

  /** Public for tests, whose time is their own. */
  tick(): void {
    const nowMs = this.#now();
    for (const running of this.#running.values()) this.#look(running, nowMs);
    this.#flush();
    if (this.#running.size > 0 || this.#storeFailed) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(running: Running, nowMs: number): void {
    const { record, looks } = running;
    // Whoever is gone cannot be asked any more.
    const bytes = Math.max(record.bytes, running.progress());
    const quietMs = nowMs - running.movedAtMs;
    if (bytes !== record.bytes) {
      if (running.isPaused) record.pausedMs += quietMs;
      running.isPaused = false;
      running.movedAtMs = nowMs;
      this.#bytes += bytes - record.bytes;
      record.bytes = bytes;
      this.#changedTransfers.add(record);
    } else if (quietMs >= PAUSE_MS && !running.isPaused) {
      running.isPaused = true;
      record.pauses++;
      this.#pauses++;
      this.#changedTransfers.add(record);
    }
    looks.push(bytes);
    if (looks.length > RATE_LOOKS + 1) looks.shift();
  }

  #flush(): void {
    const isNothing =
      this.#changedMachines.size +
        this.#changedTransfers.size +
        this.#forgottenMachines.length +
        this.#forgottenTransfers.length ===
      0;
    if (this.#store === undefined || isNothing) {
      this.#clearChanges();
      return;
    }
    try {
      const changed = { machines: [...this.#changedMachines], transfers: [...this.#changedTransfers] };
      this.#store.write(changed, this.#forgottenMachines, this.#forgottenTransfers);
      this.#clearChanges();
      if (this.#storeFailed) this.#logger.warn('machine records are stored again');
      this.#storeFailed = false;
    } catch (error) {
      // A full disk is nobody's boot: what was not stored is tried again with what comes next.
      if (!this.#storeFailed) this.#logger.error('machine records cannot be stored for now', error);
      this.#storeFailed = true;
    }
  }

  #clearChanges(): void {
    this.#changedMachines.clear();
    this.#changedTransfers.clear();
    this.#forgottenMachines.length = 0;
    this.#forgottenTransfers.length = 0;
  }

  /** Machines, the one that was seen last first. */
  rows(countMax: number): MachineRow[] {
    const nowMs = this.#now();
    const machines = [...this.#machines.values()].slice(-countMax).reverse();
    return countMax === 0 ? [] : machines.map((record) => this.#row(record, nowMs));
  }

  #row(record: MachineRecord, nowMs: number): MachineRow {
    const transfers = this.#transfersOf(record.machine);
    const artifacts = new Set(transfers.map(({ artifact }) => artifact));
    const loops = [...artifacts].map((each) => this.#loopOf(record.machine, each, nowMs));
    return {
      ...record,
      transfers: transfers.toReversed().map((each) => ({ ...each, ...this.#pace(each, nowMs) })),
      restartLoops: loops.filter((each) => each !== undefined),
    };
  }

  #pace(record: TransferRecord, nowMs: number): { rateBytesPerSecond: number; stallMs: number } {
    const running = this.#running.get(record.id);
    if (running === undefined) {
      const ms = Math.max(1, (record.endedMs ?? record.startedMs) - record.startedMs);
      return { rateBytesPerSecond: Math.round((record.bytes * 1000) / ms), stallMs: 0 };
    }
    const { looks, movedAtMs } = running;
    const windowMs = Math.max(1, (looks.length - 1) * LOOK_MS);
    const quietMs = nowMs - movedAtMs;
    return {
      rateBytesPerSecond: Math.round(((looks.at(-1)! - looks[0]!) * 1000) / windowMs),
      stallMs: quietMs >= PAUSE_MS ? quietMs : 0,
    };
  }

  get machineCount(): number {
    return this.#machines.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Machines that are in a loop now. */
  loops(): RestartLoop[] {
    const nowMs = this.#now();
    return [...this.#machines.values()].flatMap((record) =>
      nowMs - record.lastSeenMs > LOOP_WINDOW_MS ? [] : this.#row(record, nowMs).restartLoops,
    );
  }

  counts(): BootCounts {
    return {
      scripts: this.#scripts,
      outcomes: { ...this.#outcomes },
      bytes: this.#bytes,
      pauses: this.#pauses,
      restartLoops: this.#loops,
    };
  }

  /** Stores what there is. What runs is told as interrupted by the next start. */
  close(): void {
    this.tick();
    clearInterval(this.#timer);
    this.#store?.close();
  }
}
