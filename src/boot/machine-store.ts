/** Opens the file of machine records: SQLite where Node has it, a journal where not; a file that is there stays what it is. */
import { closeSync, openSync, readSync } from 'node:fs';
import { JournalStore } from './journal-store.ts';
import { SqliteStore } from './sqlite-store.ts';
import type { MachineStore } from './transfer-record.ts';

/** https://www.sqlite.org/fileformat.html, section 1.3 */
const SQLITE_MAGIC = 'SQLite format 3\0';

/** The file of `--state` cannot be used. */
export class MachineStoreError extends Error {
  override readonly name = 'MachineStoreError';
  readonly code = 'HOLDFAST_MACHINE_STORE';
}

/** @throws MachineStoreError saying which file and why */
export function openMachineStore(file: string): MachineStore {
  try {
    const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
    const start = startOf(file);
    if (sqlite !== undefined && (start === '' || start === SQLITE_MAGIC))
      return new SqliteStore(file, sqlite);
    if (start === SQLITE_MAGIC)
      throw new Error(
        'it is a SQLite file, which Node reads from 22.13 on; give another file, or use a later Node',
      );
    return new JournalStore(file);
  } catch (error) {
    throw new MachineStoreError(`${file} cannot keep machine records: ${(error as Error).message}`);
  }
}

function startOf(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const bytes = Buffer.alloc(SQLITE_MAGIC.length);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
