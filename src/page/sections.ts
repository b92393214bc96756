/** Sections that other rooms of the server fill, boots for one: each a card with a table that comes with its first report. */
import type { SectionColumn, SectionReport, SectionRow } from '../observe/admin-section.ts';
import type { Status } from '../observe/status.ts';
import { at, type Column, fillBar, KeyedTable, make, say } from './elements.ts';
import { bytes, bytesPerSecond, count, duration, NOTHING, percent } from './numbers.ts';

interface Card {
  readonly columns: string;
  readonly note: HTMLElement;
  readonly none: HTMLElement;
  readonly scroll: HTMLElement;
  readonly more: HTMLElement;
  readonly table: KeyedTable<SectionRow>;
}

export class SectionsView {
  readonly #cards = new Map<string, Card>();

  show({ sections }: Status): void {
    for (const report of sections) this.#show(report);
    for (const name of this.#cards.keys())
      if (!sections.some((report) => report.name === name)) this.#drop(name);
  }

  #show(report: SectionReport): void {
    const columns = JSON.stringify(report.columns);
    if (this.#cards.get(report.name)?.columns !== columns) {
      this.#drop(report.name);
      this.#cards.set(report.name, makeCard(report, columns));
    }
    const { note, none, scroll, more, table } = this.#cards.get(report.name)!;
    const hasRows = report.rows.length > 0;
    say(note, report.note ?? '');
    say(none, report.empty);
    none.hidden = hasRows;
    scroll.hidden = !hasRows;
    more.hidden = (report.more ?? 0) === 0;
    say(more, `${count(report.more ?? 0)} more are not shown.`);
    table.fill(report.rows);
  }

  #drop(name: string): void {
    this.#cards.delete(name);
    document.getElementById(idOf(name))?.remove();
  }
}

function idOf(name: string): string {
  return `section-${name}`;
}

function makeCard(report: SectionReport, columns: string): Card {
  const card = make('section', 'card');
  card.id = idOf(report.name);
  const heading = make('h2', '', report.title);
  heading.id = `${card.id}-title`;
  card.setAttribute('aria-labelledby', heading.id);
  const [note, none, more] = [make('p', 'note'), make('p', 'none'), make('p', 'note')];
  const scroll = make('div', 'scroll');
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-labelledby', heading.id);
  const table = make('table', 'folds');
  table.setAttribute('aria-labelledby', heading.id);
  scroll.append(table);
  card.append(heading, note, none, scroll, more);
  at('sections').append(card);
  return {
    columns,
    note,
    none,
    scroll,
    more,
    table: new KeyedTable(table, report.columns.map(columnOf), ({ key }) => key),
  };
}

function columnOf({ name, kind }: SectionColumn, place: number): Column<SectionRow> {
  const isNumber = kind !== 'text' && kind !== 'code' && kind !== 'share';
  return {
    name,
    className: isNumber ? 'n' : kind,
    fill: (cell, { cells, tone }) => {
      const value = cells[place] ?? null;
      if (place === 0) cell.parentElement!.className = tone ?? '';
      if (kind !== 'share') {
        say(cell, shown(kind, value));
        return;
      }
      fillBar(cell, number(value), percent(number(value)));
      cell.classList.toggle('unbarred', value === null);
    },
  };
}

function shown(kind: SectionColumn['kind'], value: string | number | null): string {
  if (value === null) return NOTHING;
  if (typeof value === 'string') return value;
  switch (kind) {
    case 'bytes':
      return bytes(value);
    case 'rate':
      return bytesPerSecond(value);
    case 'duration':
      return duration(value);
    default:
      return count(value);
  }
}

function number(value: string | number | null): number | null {
  return typeof value === 'number' ? value : null;
}
