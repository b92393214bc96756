/** What results come to in a matrix: a cell for each application, engine and protocol, and what holds for some engines alone. */
import { SEVERITIES, type Severity } from '../finding.ts';
import type { TargetResult } from '../results.ts';
import type { StartOrder } from '../target/started-server.ts';

interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Cell {
  readonly app: string;
  readonly engine: string;
  readonly protocol: string;
  /** Nothing found, the worst that was, or that it could not be attacked. */
  readonly verdict: 'kept' | Severity | 'failed';
  readonly failed: string | undefined;
  readonly findings: readonly {
    readonly id: string;
    readonly severity: Severity;
    readonly title: string;
    readonly times: number;
  }[];
  /** A good client's waiting while nothing happened, and beside each slice that ran. */
  readonly quiet: Waits | undefined;
  readonly beside: Readonly<Record<string, Waits & { readonly failed: number }>>;
  readonly skipped: Readonly<Record<string, string>>;
  /** What each slice counted. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface Divergence {
  readonly app: string;
  readonly protocol: string;
  readonly what: string;
  readonly on: readonly string[];
  readonly notOn: readonly string[];
}

/** What was waited for on a machine that does other things differs between any two runs. */
const BY_CHANCE = /\/slow-beside$/;

export function cellOf(
  app: string,
  { engine, protocol }: Pick<StartOrder, 'engine' | 'protocol'>,
  { failed, quiet, slices }: Pick<TargetResult, 'failed' | 'quiet' | 'slices'>,
): Cell {
  const findings = slices.flatMap((slice) =>
    slice.findings.map(({ id, severity, title, times }) => ({ id, severity, title, times })),
  );
  const ran = slices.filter(({ skipped }) => skipped === undefined);
  const worst = SEVERITIES.find((each) => findings.some(({ severity }) => severity === each));
  const waits = ({ p50Ms, p99Ms }: Waits): Waits => ({ p50Ms, p99Ms });
  return {
    ...{ app, engine, protocol: protocol ?? 'any' },
    verdict: failed !== undefined ? 'failed' : (worst ?? 'kept'),
    ...{ failed, findings, quiet: quiet === undefined ? undefined : waits(quiet) },
    beside: Object.fromEntries(
      ran.map(({ name, beside }) => [name, { ...waits(beside), failed: beside.failed }]),
    ),
    skipped: Object.fromEntries(
      slices.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [[name, skipped] as const])),
    ),
    counters: Object.fromEntries(ran.map(({ name, counters }) => [name, counters])),
  };
}

/** What holds for some of an application's engines and not for all, in one protocol. */
export function divergencesOf(cells: readonly Cell[]): Divergence[] {
  const found: Divergence[] = [];
  for (const row of rowsOf(cells)) {
    const whats = new Set(row.flatMap(saidOf));
    for (const what of whats) {
      const on = row.filter((cell) => saidOf(cell).includes(what)).map(({ engine }) => engine);
      const notOn = row.map(({ engine }) => engine).filter((engine) => !on.includes(engine));
      const [{ app, protocol }] = row as [Cell];
      if (notOn.length > 0) found.push({ app, protocol, what, on, notOn });
    }
  }
  return found;
}

/** Cells of one application and protocol, an engine each. */
function rowsOf(cells: readonly Cell[]): Cell[][] {
  const rows = new Map<string, Cell[]>();
  for (const cell of cells) {
    const name = `${cell.app} ${cell.protocol}`;
    rows.set(name, [...(rows.get(name) ?? []), cell]);
  }
  return [...rows.values()];
}

function saidOf({ verdict, findings, skipped }: Cell): string[] {
  return [
    ...(verdict === 'failed' ? ['could not be attacked'] : []),
    ...findings.map(({ id }) => id).filter((id) => !BY_CHANCE.test(id)),
    ...Object.keys(skipped).map((slice) => `skips ${slice}`),
  ];
}

/** A row for each application and protocol, a column for each engine: the verdict, and how long a good client waited (p99). */
export function tableOf(cells: readonly Cell[]): string {
  const engines = [...new Set(cells.map(({ engine }) => engine))];
  const rows = rowsOf(cells).map((row) => [
    `${row[0]!.app} ${row[0]!.protocol}`,
    ...engines.map((engine) => textOf(row.find((cell) => cell.engine === engine))),
  ]);
  const all = [['', ...engines], ...rows];
  const widths = all[0]!.map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string => row.map((text, at) => text.padEnd(widths[at]!)).join('  ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return '-';
  if (cell.failed !== undefined || cell.quiet === undefined) return 'failed';
  const beside = Math.max(0, ...Object.values(cell.beside).map(({ p99Ms }) => p99Ms));
  return `${cell.verdict}${cell.findings.length > 0 ? ` (${cell.findings.length})` : ''} ${cell.quiet.p99Ms} -> ${beside} ms`;
}
