/**
 * siege's log: a line for each run, in columns that spreadsheets read, below a line that names them. The
 * columns, their widths and the form of a mark are those of siege's log.c, so that old and new lines stand in
 * one file. Pure: text out.
 */
import type { SiegeFigures } from './siege-summary.ts';

interface Column {
  readonly head: string;
  readonly width: number;
  readonly digits: number;
  readonly pick: (figures: SiegeFigures) => number;
}

const COLUMNS: readonly Column[] = [
  { head: '  Trans', width: 7, digits: 0, pick: ({ transactions }) => transactions },
  { head: '  Elap Time', width: 11, digits: 2, pick: ({ elapsedSeconds }) => elapsedSeconds },
  // Whole megabytes, rounded down.
  { head: '  Data Trans', width: 12, digits: 0, pick: ({ dataMebibytes }) => Math.floor(dataMebibytes) },
  { head: '  Resp Time', width: 11, digits: 2, pick: ({ responseSeconds }) => responseSeconds },
  { head: '  Trans Rate', width: 12, digits: 2, pick: ({ transactionRate }) => transactionRate },
  { head: '  Throughput', width: 12, digits: 2, pick: ({ throughputMebibytes }) => throughputMebibytes },
  { head: '  Concurrent', width: 12, digits: 2, pick: ({ concurrency }) => concurrency },
  { head: '    OKAY', width: 8, digits: 0, pick: ({ successful }) => successful },
  { head: '   Failed', width: 8, digits: 0, pick: ({ failed }) => failed },
];

/** The first line of a new file. */
export function siegeLogHead(): string {
  return `      Date & Time,${COLUMNS.map(({ head }) => head).join(',')}\n`;
}

/** @param at the end of the run, shown in the time zone of this machine */
export function siegeLogLine(figures: SiegeFigures, at: Date): string {
  const cells = COLUMNS.map(({ width, digits, pick }) => pick(figures).toFixed(digits).padStart(width));
  return `${[localTime(at), ...cells].join(',')}\n`;
}

/** Stands before the line of the run that it is for. A mark is one line, whatever was given. */
export function siegeMark(text: string): string {
  return `**** ${text.replace(/[\r\n]+/g, ' ')} ****\n`;
}

function localTime(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}
