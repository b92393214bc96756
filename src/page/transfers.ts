/**
 * The table of transfers: what is under way, how far it is and how fast it goes. One that stands still because its client
 * does not read is slow, and told as that: nothing is wrong with it, and it is not ended.
 */
import type { Status } from '../observe/status.ts';
import type { TransferRow } from '../observe/transfer-row.ts';
import { at, type Column, fillBar, KeyedTable, make, say, sayAt, showIf } from './elements.ts';
import { bytes, bytesOf, bytesPerSecond, count, duration, numberOf } from './numbers.ts';

/** A pause of a reader that is worth a word. */
const SLOW_AFTER_MS = 2000;

const COLUMNS: readonly Column<TransferRow>[] = [
  {
    name: 'request',
    className: 'request',
    fill: (cell, { method, target, remoteAddress, protocol, status }) => {
      const [what, who] = pair(cell);
      say(what, `${method} ${target}`);
      what.title = `${method} ${target}`;
      say(who, `${remoteAddress}, ${protocol}${status === 0 ? '' : `, ${status}`}`);
    },
  },
  {
    name: 'progress',
    className: 'amounts',
    fill: (cell, { bytes: moved, totalBytes, phase }) => {
      const isWorking = phase === 'handler' && moved === 0;
      const text = totalBytes === null ? bytes(moved) : bytesOf(moved, totalBytes);
      const share = totalBytes === null || totalBytes === 0 ? null : moved / totalBytes;
      fillBar(cell, share, isWorking ? 'nothing yet' : phase === 'receiving' ? `${text} received` : text);
      cell.classList.toggle('unbarred', isWorking);
    },
  },
  { name: 'now', className: 'phase', fill: fillPhase },
  {
    name: 'rate',
    className: 'n',
    fill: (cell, { rateBytesPerSecond }) => say(cell, bytesPerSecond(rateBytesPerSecond)),
  },
  { name: 'age', className: 'n', fill: (cell, { ageMs }) => say(cell, duration(ageMs)) },
  { name: 'worker', className: 'n', fill: (cell, { worker }) => say(cell, String(worker)) },
];

export class TransfersView {
  readonly #table = new KeyedTable(at('transfers-table'), COLUMNS, ({ worker, id }) => `${worker}.${id}`);

  show({ transfers: { open, rows } }: Status): void {
    showIf('transfers-scroll', rows.length > 0);
    showIf('transfers-none', rows.length === 0);
    const slow = rows.filter(isSlow).length;
    const shown =
      rows.length < open ? `, of which ${count(rows.length)} are shown: the oldest and the largest` : '';
    sayAt(
      'transfers-note',
      open === 0
        ? ''
        : `${numberOf(open, 'request is', 'requests are')} under way for a second or longer${shown}. ` +
            (slow === 0
              ? 'None waits for its client.'
              : `${numberOf(slow, 'waits', 'wait')} for a slow client, which is served as long as it lives.`),
    );
    this.#table.fill([...rows].sort(inOrder));
  }
}

/** By the second, for clocks of two threads are read at two moments. */
function inOrder(a: TransferRow, b: TransferRow): number {
  return Math.round(b.ageMs / 1000) - Math.round(a.ageMs / 1000) || a.worker - b.worker || a.id - b.id;
}

function isSlow({ phase, stallMs }: TransferRow): boolean {
  return phase !== 'handler' && stallMs >= SLOW_AFTER_MS;
}

function fillPhase(cell: HTMLElement, row: TransferRow): void {
  let chip = cell.firstElementChild as HTMLElement | null;
  if (chip === null) {
    chip = make('span', 'chip');
    cell.append(chip);
  }
  const isWaiting = isSlow(row);
  chip.className = `chip ${isWaiting ? 'slow' : row.phase}`;
  say(chip, isWaiting ? waits(row) : PHASES[row.phase]);
}

const PHASES = { sending: 'sending', receiving: 'receiving', handler: 'handler works' } as const;

function waits({ phase, stallMs }: TransferRow): string {
  return phase === 'sending'
    ? `slow: not read for ${duration(stallMs)}`
    : `slow: nothing came for ${duration(stallMs)}`;
}

function pair(cell: HTMLElement): [HTMLElement, HTMLElement] {
  if (cell.childElementCount === 0) cell.append(make('span', 'what'), make('span', 'who'));
  return [...cell.children] as [HTMLElement, HTMLElement];
}
