/**
 * Machine records as lines of JSON, where Node has no SQLite: what changes is appended, and the file is written anew, beside
 * itself and renamed, when most of its lines are old. A last line that was cut by a crash is passed over.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import type { Kept, MachineRecord, MachineStore, TransferRecord } from './transfer-record.ts';

const FIRST_LINE = '{"holdfast":"machine records","version":1}';
/** Lines that are replaced by later ones before it is worth writing the file anew. */
const OLD_LINES_MAX = 10_000;

type Line =
  | { readonly machine: MachineRecord }
  | { readonly transfer: TransferRecord }
  | { readonly forgotten: string }
  | { readonly dropped: number };

export class JournalStore implements MachineStore {
  readonly kind = 'journal';
  readonly #file: string;
  readonly #machines = new Map<string, MachineRecord>();
  readonly #transfers = new Map<number, TransferRecord>();
  #fd: number;
  #lines = 0;

  /** @throws Error for a file that is no such journal, or that may not be written */
  constructor(file: string) {
    this.#file = file;
    const text = readIfThere(file);
    if (text !== '') this.#read(text);
    this.#fd = openSync(file, 'a', 0o600);
    if (text === '') this.#append([FIRST_LINE]);
  }

  #read(text: string): void {
    const end = text.lastIndexOf('\n');
    const lines = text
      .slice(0, end + 1)
      .split('\n')
      .slice(0, -1);
    if (lines[0] !== FIRST_LINE) throw new Error('it is no journal of machine records');
    // What a crash has cut would run into the next line.
    if (end + 1 < text.length) truncateSync(this.#file, Buffer.byteLength(text.slice(0, end + 1)));
    for (const [index, line] of lines.slice(1).entries()) {
      try {
        this.#take(JSON.parse(line));
      } catch {
        throw new Error(`line ${index + 2} is no record`);
      }
    }
    this.#lines = lines.length;
  }

  #take(line: Line): void {
    if ('machine' in line) this.#machines.set(line.machine.machine, line.machine);
    else if ('transfer' in line) this.#transfers.set(line.transfer.id, line.transfer);
    else if ('dropped' in line) this.#transfers.delete(line.dropped);
    else {
      this.#machines.delete(line.forgotten);
      for (const { id, machine } of this.#transfers.values())
        if (machine === line.forgotten) this.#transfers.delete(id);
    }
  }

  load(): Kept {
    return { machines: [...this.#machines.values()], transfers: [...this.#transfers.values()] };
  }

  write(changed: Kept, forgottenMachines: readonly string[], forgottenTransfers: readonly number[]): void {
    const lines: Line[] = [
      ...forgottenTransfers.map((dropped) => ({ dropped })),
      ...forgottenMachines.map((forgotten) => ({ forgotten })),
      ...changed.machines.map((machine) => ({ machine: { ...machine } })),
      ...changed.transfers.map((transfer) => ({ transfer: { ...transfer } })),
    ];
    this.#append(lines.map((each) => JSON.stringify(each)));
    for (const each of lines) this.#take(each);
    if (this.#lines > OLD_LINES_MAX + 2 * (this.#machines.size + this.#transfers.size)) this.#rewrite();
  }

  #append(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const sizeBytes = statSync(this.#file).size;
    try {
      writeAll(this.#fd, bytes);
    } catch (error) {
      // Half a line on a full disk would spoil what is written once there is room.
      truncateSync(this.#file, sizeBytes);
      throw error;
    }
    this.#lines += lines.length;
  }

  #rewrite(): void {
    const { machines, transfers } = this.load();
    const lines = [
      FIRST_LINE,
      ...machines.map((machine) => JSON.stringify({ machine })),
      ...transfers.map((transfer) => JSON.stringify({ transfer })),
    ];
    const beside = `${this.#file}.new`;
    const fd = openSync(beside, 'w', 0o600);
    try {
      writeAll(fd, Buffer.from(`${lines.join('\n')}\n`));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, this.#file);
    closeSync(this.#fd);
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#lines = lines.length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
