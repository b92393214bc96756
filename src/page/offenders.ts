/** Attacks under way: who goes beyond a deadline, a limit of its address or a bound of HTTP/2, and whether it goes on. */
import type { OffenderRow } from '../observe/offenders.ts';
import type { Status } from '../observe/status.ts';
import { at, type Column, KeyedTable, say, sayAt, showIf } from './elements.ts';
import { count, duration, numberOf } from './numbers.ts';

/** A single client that was cut off is no attack: a laptop that was shut, a bad network. */
const ATTACK_MIN = 5;

const COLUMNS: readonly Column<OffenderRow>[] = [
  {
    name: 'address',
    className: 'code',
    fill: (cell, { address }) => say(cell, address === '' ? 'not known' : address),
  },
  { name: 'cut off', className: 'n', fill: (cell, row) => say(cell, `${count(row.count)} ×`) },
  {
    name: 'by',
    className: 'options',
    fill: (cell, { byOption }) =>
      say(
        cell,
        Object.entries(byOption)
          .sort(([, a], [, b]) => b - a)
          .map(([option, times]) => `${option} ${count(times)}`)
          .join(', '),
      ),
  },
  { name: 'since', className: 'n', fill: (cell, { sinceMs }) => say(cell, duration(sinceMs)) },
  { name: 'last', className: 'n', fill: (cell, { lastMs }) => say(cell, `${duration(lastMs)} ago`) },
];

export class OffendersView {
  readonly #table = new KeyedTable(at('offenders-table'), COLUMNS, ({ address }) => address);
  #told = '';

  show({ offenders: { rows, others } }: Status): void {
    showIf('offenders-scroll', rows.length > 0);
    showIf('offenders-none', rows.length === 0);
    showIf('offenders-others', others > 0);
    sayAt('offenders-others', `${count(others)} × more from other addresses.`);
    this.#table.fill(rows);
    const attackers = rows.filter((row) => row.count >= ATTACK_MIN).length;
    const text =
      attackers === 0 ? '' : `${numberOf(attackers, 'address', 'addresses')} cut off again and again`;
    // Read out when it begins and when it is over, not each second.
    if (text === this.#told) return;
    this.#told = text;
    sayAt('offenders-pill', text);
    showIf('offenders-pill', text !== '');
  }
}
