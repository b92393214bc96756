/**
 * A part of the admin page that another room fills: boots with their machines, for one. Whoever makes a handler puts what
 * it wants shown on that handler, under ADMIN_SECTIONS; the server asks once a second while somebody looks, and never
 * otherwise, in each thread that serves. What the page draws of it is one table, so a section is data and no markup.
 */

/** The property of a handler under which its sections are found: `handler[ADMIN_SECTIONS] = [section]`. */
export const ADMIN_SECTIONS = Symbol.for('holdfast.adminSections');

/** How the page shows a column. Traffic is in powers of 1000, times in the unit that suits them. */
type SectionKind =
  | 'text'
  /** Text of which each character counts: addresses, names of files. */
  | 'code'
  | 'count'
  | 'bytes'
  /** Bytes a second. */
  | 'rate'
  /** Milliseconds. */
  | 'duration'
  /** From 0 to 1, drawn as a bar. */
  | 'share';

export interface SectionColumn {
  readonly name: string;
  readonly kind: SectionKind;
}

export interface SectionRow {
  /** Tells rows apart from one second to the next, and from those of other threads. */
  readonly key: string;
  /** When what it says became so, in milliseconds since the epoch: of several threads' the latest is shown. */
  readonly changedAtMs: number;
  /** `good` and `bad` are said in colour beside what the cells say; `slow` is neither. */
  readonly tone?: 'good' | 'slow' | 'bad';
  /** One for each column; null where there is nothing to say. */
  readonly cells: readonly (string | number | null)[];
}

export interface SectionReport {
  /** Tells sections apart; a word in lower case. */
  readonly name: string;
  readonly title: string;
  /** A sentence above the table. */
  readonly note?: string;
  /** What is said in place of the table while there are no rows. */
  readonly empty: string;
  readonly columns: readonly SectionColumn[];
  /** What matters most first. */
  readonly rows: readonly SectionRow[];
  /** How many rows there are that are not told. */
  readonly more?: number;
}

export interface AdminSection {
  readonly name: string;
  /** Called once a second at most; bounded by itself. What it throws is shown in its place. */
  report(): SectionReport;
}

const ROWS_MAX = 200;
const SECTIONS_MAX = 8;

/** What the sections of a handler say now. */
export function sectionReports(handler: unknown): SectionReport[] {
  const sections = (handler as { readonly [ADMIN_SECTIONS]?: readonly AdminSection[] })[ADMIN_SECTIONS];
  if (sections === undefined) return [];
  return sections.slice(0, SECTIONS_MAX).map((section) => {
    try {
      return bounded(section.report());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        name: section.name,
        title: section.name,
        empty: `It cannot be told: ${why}`,
        columns: [],
        rows: [],
      };
    }
  });
}

/** What several threads say of the same sections, as one: of rows with one key the latest. */
export function mergeSections(reports: readonly SectionReport[]): SectionReport[] {
  const byName = new Map<string, SectionReport>();
  for (const report of reports) {
    const before = byName.get(report.name);
    byName.set(report.name, before === undefined ? report : joined(before, report));
  }
  return [...byName.values()];
}

function joined(a: SectionReport, b: SectionReport): SectionReport {
  const rows = new Map(a.rows.map((row) => [row.key, row]));
  for (const row of b.rows) {
    const before = rows.get(row.key);
    if (before === undefined || before.changedAtMs < row.changedAtMs) rows.set(row.key, row);
  }
  const [more, columns] = [Math.max(a.more ?? 0, b.more ?? 0), a.columns.length > 0 ? a.columns : b.columns];
  return bounded({ ...a, columns, rows: [...rows.values()], more });
}

function bounded(report: SectionReport): SectionReport {
  const { rows, more = 0 } = report;
  if (rows.length <= ROWS_MAX) return report;
  return { ...report, rows: rows.slice(0, ROWS_MAX), more: more + rows.length - ROWS_MAX };
}
