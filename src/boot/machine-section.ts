/**
 * The machines that boot here as a section of the admin page: a row for each, with the transfer that says most. Restart loops
 * come first, then machines that fetch something, then those that were seen last.
 */
import type { AdminSection, SectionColumn, SectionReport, SectionRow } from '../observe/admin-section.ts';
import type { MachineRecords, MachineRow } from './machine-records.ts';
import { endText } from './transfer-record.ts';

const MACHINES_MAX = 200;
/** A machine that has not moved for so long is slow; nothing is wrong with it. */
const SLOW_AFTER_MS = 2000;

const COLUMNS: readonly SectionColumn[] = [
  { name: 'machine', kind: 'code' },
  { name: 'profile', kind: 'text' },
  { name: 'artifact', kind: 'code' },
  { name: 'progress', kind: 'share' },
  { name: 'sent', kind: 'bytes' },
  { name: 'rate', kind: 'rate' },
  { name: 'paused', kind: 'duration' },
  { name: 'now', kind: 'text' },
];

export function machineSection(
  records: Pick<MachineRecords, 'rows' | 'machineCount' | 'standIns'>,
): AdminSection {
  return {
    name: 'boots',
    report(): SectionReport {
      const machines = records.rows(MACHINES_MAX);
      const looping = machines.filter(isLooping).length;
      const rank = (machine: MachineRow): number =>
        isLooping(machine) ? 0 : telling(machine)?.outcome === 'running' ? 1 : 2;
      return {
        name: 'boots',
        title: 'Boots',
        note: [noteOf(records.machineCount, looping), standInsOf(records.standIns)].join(' ').trim(),
        empty: 'No machine has booted yet.',
        columns: COLUMNS,
        rows: [...machines].sort((a, b) => rank(a) - rank(b)).map(rowOf),
        more: records.machineCount - machines.length,
      };
    },
  };
}

function noteOf(known: number, looping: number): string {
  if (known === 0) return '';
  const loops =
    looping === 0
      ? 'None begins the same artifact again and again.'
      : `${looping} ${looping === 1 ? 'begins' : 'begin'} the same artifact again and again.`;
  return `${known} ${known === 1 ? 'machine is' : 'machines are'} known. ${loops}`;
}

/** A file that is looked for and is not there is answered with a script that goes on: operators may have meant to have one. */
function standInsOf(counts: ReadonlyMap<string, number>): string {
  if (counts.size === 0) return '';
  const files = [...counts].map(([name, count]) => `${name} (${count} ${count === 1 ? 'time' : 'times'})`);
  return `A script of the server stood in for what is not in the folder: ${files.join(', ')}.`;
}

function rowOf(machine: MachineRow): SectionRow {
  const { facts, profile, lastSeenMs } = machine;
  const transfer = telling(machine);
  const [loop] = machine.restartLoops;
  const tone = loop !== undefined ? 'bad' : transfer !== undefined && isSlow(transfer) ? 'slow' : undefined;
  const isKnownLength = transfer !== undefined && transfer.totalBytes !== null && transfer.totalBytes > 0;
  return {
    key: machine.machine,
    changedAtMs: lastSeenMs,
    ...(tone === undefined ? {} : { tone }),
    cells: [
      facts.hostname === undefined ? machine.machine : `${facts.hostname} (${machine.machine})`,
      profile,
      transfer?.artifact ?? null,
      isKnownLength ? transfer.bytes / transfer.totalBytes! : null,
      transfer?.bytes ?? null,
      transfer?.outcome === 'running' ? transfer.rateBytesPerSecond : null,
      transfer?.pausedMs ?? null,
      nowOf(transfer, loop),
    ],
  };
}

type Transfer = MachineRow['transfers'][number];
type Loop = MachineRow['restartLoops'][number];

function nowOf(transfer: Transfer | undefined, loop: Loop | undefined): string {
  if (loop !== undefined)
    return `restart loop: began ${loop.artifact} ${loop.starts} times; ${loop.ends.at(-1) ?? ''}`;
  if (transfer === undefined) return 'asked for a script';
  if (transfer.outcome !== 'running') return endText(transfer);
  return isSlow(transfer) ? `slow: not read for ${Math.round(transfer.stallMs / 1000)} s` : 'fetching';
}

/** The last one that runs, else the last one. */
function telling({ transfers }: MachineRow): Transfer | undefined {
  const latest = (a: Transfer | undefined, b: Transfer): Transfer =>
    a === undefined || b.startedMs >= a.startedMs ? b : a;
  const running = transfers.filter(({ outcome }) => outcome === 'running');
  return (running.length > 0 ? running : transfers).reduce<Transfer | undefined>(latest, undefined);
}

function isSlow({ outcome, stallMs }: Transfer): boolean {
  return outcome === 'running' && stallMs >= SLOW_AFTER_MS;
}

function isLooping({ restartLoops }: MachineRow): boolean {
  return restartLoops.length > 0;
}
