/**
 * Tables that fold: where the screen is narrow, each row becomes a block in which every cell says by itself what
 * it is. The roles are written out, since a table that is laid out in another way is no longer one to a screen
 * reader.
 */
import { html, type Markup, type Piece } from './markup.ts';

interface Column {
  readonly head: string;
  /** Set to the right, digits below digits. */
  readonly isNumber?: boolean;
}

interface Table {
  /** What the table holds; read aloud, and shown where `showsCaption`. */
  readonly caption: string;
  readonly showsCaption?: boolean;
  /** The first one names the row. */
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Piece[])[];
  /** For tables too wide for a phone. */
  readonly folds?: boolean;
}

export function drawTable(table: Table): Markup {
  const heads = table.columns.map(
    (column) => html`<th role="columnheader" scope="col"${number(column)}>${column.head}</th>`,
  );
  const style = table.folds === true ? 'folds' : '';
  return html`<table role="table" class="${style}"><caption${table.showsCaption !== true && html` class="spoken"`}>${table.caption}</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">
${table.rows.map((row) => drawRow(row, table.columns))}</tbody></table>`;
}

function drawRow(row: readonly Piece[], columns: readonly Column[]): Markup {
  const cells = row.map((cell, index) => {
    const column = columns[index]!;
    if (index === 0) return html`<th role="rowheader" scope="row">${cell}</th>`;
    return html`<td role="cell" data-label="${column.head}"${number(column)}>${cell}</td>`;
  });
  return html`<tr role="row">${cells}</tr>
`;
}

/** Names and values, where a table would have one column. */
export function drawFacts(facts: readonly (readonly [name: string, value: Piece])[]): Markup {
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A share of 1 as a bar; beside a number that says the same. */
export function drawBar(share: number, style = ''): Markup {
  const width = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) * 100 : 0;
  // What is there but tiny must still be seen.
  const shown = width > 0 ? Math.max(width, 1) : 0;
  return html`<svg class="bar ${style}" width="100%" height="6" aria-hidden="true"><rect class="track" width="100%" height="6" rx="3"/><rect class="share" width="${shown.toFixed(1)}%" height="6" rx="3"/></svg>`;
}

function number(column: Column): Piece {
  return column.isNumber === true && html` class="n"`;
}
