/** A result for the terminal: each target, each slice with the good client beside it, and every finding in full sentences. */
import { escapeControls, type Paint, paint } from '../../observe/terminal.ts';
import { type Finding, SEVERITIES } from '../finding.ts';
import { findingsOf, type ProveResult, type TargetResult, type TimedSlice } from '../results.ts';
import { seconds } from '../slow/deadlines.ts';

const COLOUR_OF: Readonly<Record<Finding['severity'], Paint>> = { high: 'red', medium: 'yellow', low: 'dim' };
/** Of an exchange: the page and the capsule have it whole. */
const SHOWN_EVENTS = 6;
const SHOWN_BYTES = 100;
const GRID_ROWS_MAX = 40;

/** @param capsulesIn where capsules were written */
export function proveText(result: ProveResult, colour: boolean, capsulesIn: string | undefined): string {
  const lines: string[] = [];
  const add = (text = ''): void => void lines.push(text);
  for (const target of result.targets) {
    add(paint(`${target.name}  ${target.url}`, 'bold', colour));
    if (target.failed !== undefined)
      add(`  ${paint('not attacked', 'red', colour)}: ${escapeControls(target.failed, false)}`);
    if (target.quiet !== undefined)
      add(`  quiet: a good client waits ${target.quiet.p50Ms} ms (p50), ${target.quiet.p99Ms} ms (p99)`);
    for (const slice of target.slices) add(sliceLine(slice, colour));
    add();
  }
  for (const finding of findingsOf(result)) lines.push(findingText(finding, colour), '');
  for (const target of result.targets) lines.push(...gridLines(target, result.against));
  const counts = SEVERITIES.map(
    (each) => `${findingsOf(result).filter(({ severity }) => severity === each).length} ${each}`,
  );
  add(
    `findings: ${counts.join(', ')}; seed ${result.seed}; ${seconds(result.durationMs)}${result.interrupted ? '; interrupted' : ''}`,
  );
  if (capsulesIn !== undefined && findingsOf(result).length > 0) add(`capsules: ${capsulesIn}/`);
  return `${lines.join('\n')}\n`;
}

function sliceLine(slice: TimedSlice, colour: boolean): string {
  const name = `  ${slice.name.padEnd(12)}`;
  if (slice.skipped !== undefined) return `${name}${paint('skipped', 'dim', colour)}: ${slice.skipped}`;
  const worst = SEVERITIES.find((each) => slice.findings.some(({ severity }) => severity === each));
  const verdict =
    worst === undefined ? paint('kept', 'green', colour) : paint(worst, COLOUR_OF[worst], colour);
  const counters = Object.entries(slice.counters).map(([what, count]) => `${what} ${count}`);
  const beside = `good client ${slice.beside.p50Ms} / ${slice.beside.p99Ms} ms`;
  return `${name}${verdict}  ${beside}, ${slice.beside.failed} failed  (${seconds(slice.durationMs)}; ${counters.join(', ')})`;
}

function findingText(finding: Finding, colour: boolean): string {
  const { severity, id, target, title, meaning, rule, figures, times, capsule } = finding;
  const lines = [
    `${paint(severity.toUpperCase(), COLOUR_OF[severity], colour)} ${paint(id, 'bold', colour)} (${target}${times > 1 ? `, ${times} times` : ''})`,
    `  ${escapeControls(title, false)}`,
    `  ${meaning}`,
    `  rule: ${rule}`,
  ];
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  if (shown.length > 0) lines.push(`  figures: ${escapeControls(shown.join(', '), false)}`);
  for (const { atMs, what, bytes } of capsule.exchange.slice(0, SHOWN_EVENTS))
    lines.push(`  ${`${atMs} ms`.padStart(11)}  ${what}${bytes ? ` ${quoted(bytes)}` : ''}`);
  if (capsule.exchange.length > SHOWN_EVENTS)
    lines.push(`  ${capsule.exchange.length - SHOWN_EVENTS} events more are in its capsule`);
  if (capsule.shrunk !== undefined)
    lines.push(`  made smaller: ${capsule.shrunk.eventsBefore} events to ${capsule.shrunk.eventsAfter}`);
  lines.push(`  again: ${capsule.replay}`);
  return lines.join('\n');
}

function quoted(bytes: string): string {
  const text = JSON.stringify(bytes.slice(0, SHOWN_BYTES)).replace(/\\u00(..)/g, '\\x$1');
  return escapeControls(bytes.length > SHOWN_BYTES ? `${text} ...` : text, false);
}

/** Only where servers are compared, and only what they read in different ways. */
function gridLines({ name, slices }: TargetResult, against: readonly string[]): string[] {
  if (against.length === 0) return [];
  const rows = slices.flatMap(({ grid }) => grid).filter(({ readings }) => new Set(readings).size > 1);
  if (rows.length === 0) return [];
  const all = [name, ...against];
  const width = Math.max(...all.map(({ length }) => length), 14) + 2;
  const lines = [
    `read in different ways (${rows.length} streams):`,
    `  ${''.padEnd(44)}${all.map((each) => each.padEnd(width)).join('')}`,
  ];
  for (const row of rows.slice(0, GRID_ROWS_MAX)) {
    const label = escapeControls(row.name, false).slice(0, 42).padEnd(44);
    lines.push(
      `  ${label}${row.readings.map((each) => each.padEnd(width)).join('')}${row.rule}, ${row.expected}`,
    );
  }
  if (rows.length > GRID_ROWS_MAX)
    lines.push(`  ${rows.length - GRID_ROWS_MAX} more are in --json and --html`);
  return [...lines, ''];
}
