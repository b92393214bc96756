/**
 * Machine records in a SQLite file, by Node's own module (22.13 and later), in columns that people can ask for with the
 * `sqlite3` command. Pages go out in one transaction a second; a machine that loses its power may lose the last one.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Kept, MachineRecord, MachineStore, TransferRecord } from './transfer-record.ts';

/** Of the tables below; another number is another program's file, or a later version's. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
CREATE TABLE machines (
  machine TEXT PRIMARY KEY, facts TEXT NOT NULL, address TEXT NOT NULL, first_seen_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL, boots INTEGER NOT NULL, profile TEXT
);
CREATE TABLE transfers (
  id INTEGER PRIMARY KEY, machine TEXT NOT NULL, artifact TEXT NOT NULL, address TEXT NOT NULL,
  started_ms INTEGER NOT NULL, ended_ms INTEGER, first_byte INTEGER NOT NULL, bytes INTEGER NOT NULL,
  total_bytes INTEGER, pauses INTEGER NOT NULL, paused_ms INTEGER NOT NULL, restarts INTEGER NOT NULL,
  outcome TEXT NOT NULL, reason TEXT, source TEXT NOT NULL
);
CREATE INDEX transfers_by_machine ON transfers (machine);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

type Row = Readonly<Record<string, unknown>>;

export class SqliteStore implements MachineStore {
  readonly kind = 'SQLite';
  readonly #database: DatabaseSync;
  readonly #putMachine: StatementSync;
  readonly #putTransfer: StatementSync;
  readonly #dropMachine: StatementSync;
  readonly #dropTransfersOf: StatementSync;
  readonly #dropTransfer: StatementSync;

  /** @throws Error for a file that is no such database, or that may not be written */
  constructor(file: string, { DatabaseSync: Database }: typeof import('node:sqlite')) {
    const database = new Database(file);
    this.#database = database;
    try {
      // Readers beside us, and no wait for the disk in each transaction.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 200;');
      const [{ user_version: version } = {}] = database.prepare('PRAGMA user_version').all() as Row[];
      if (version === 0) database.exec(SCHEMA);
      else if (version !== SCHEMA_VERSION)
        throw new Error(
          `its tables have version ${String(version)}, and this Holdfast knows ${SCHEMA_VERSION}`,
        );
      this.#putMachine = database.prepare('INSERT OR REPLACE INTO machines VALUES (?, ?, ?, ?, ?, ?, ?)');
      this.#putTransfer = database.prepare(
        'INSERT OR REPLACE INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      );
      this.#dropMachine = database.prepare('DELETE FROM machines WHERE machine = ?');
      this.#dropTransfersOf = database.prepare('DELETE FROM transfers WHERE machine = ?');
      this.#dropTransfer = database.prepare('DELETE FROM transfers WHERE id = ?');
    } catch (error) {
      database.close();
      throw error;
    }
  }

  load(): Kept {
    const machines = this.#database.prepare('SELECT * FROM machines').all() as Row[];
    const transfers = this.#database.prepare('SELECT * FROM transfers').all() as Row[];
    return { machines: machines.map(machineOf), transfers: transfers.map(transferOf) };
  }

  write(changed: Kept, forgottenMachines: readonly string[], forgottenTransfers: readonly number[]): void {
    this.#database.exec('BEGIN');
    try {
      for (const id of forgottenTransfers) this.#dropTransfer.run(id);
      for (const machine of forgottenMachines) {
        this.#dropMachine.run(machine);
        this.#dropTransfersOf.run(machine);
      }
      for (const { machine, facts, address, firstSeenMs, lastSeenMs, boots, profile } of changed.machines)
        this.#putMachine.run(
          machine,
          JSON.stringify(facts),
          address,
          firstSeenMs,
          lastSeenMs,
          boots,
          profile,
        );
      for (const t of changed.transfers)
        this.#putTransfer.run(
          t.id, t.machine, t.artifact, t.address, t.startedMs, t.endedMs, t.firstByte, t.bytes, t.totalBytes,
          t.pauses, t.pausedMs, t.restarts, t.outcome, t.reason, t.source,
        ); // biome-ignore format: in the order of the columns
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

function machineOf(row: Row): MachineRecord {
  return {
    machine: row['machine'] as string,
    facts: JSON.parse(row['facts'] as string),
    address: row['address'] as string,
    firstSeenMs: row['first_seen_ms'] as number,
    lastSeenMs: row['last_seen_ms'] as number,
    boots: row['boots'] as number,
    profile: row['profile'] as string | null,
  };
}

function transferOf(row: Row): TransferRecord {
  return {
    id: row['id'] as number,
    machine: row['machine'] as string,
    artifact: row['artifact'] as string,
    address: row['address'] as string,
    startedMs: row['started_ms'] as number,
    endedMs: row['ended_ms'] as number | null,
    firstByte: row['first_byte'] as number,
    bytes: row['bytes'] as number,
    totalBytes: row['total_bytes'] as number | null,
    pauses: row['pauses'] as number,
    pausedMs: row['paused_ms'] as number,
    restarts: row['restarts'] as number,
    outcome: row['outcome'] as TransferRecord['outcome'],
    reason: row['reason'] as string | null,
    source: row['source'] as TransferRecord['source'],
  };
}
