/**
 * Two results beside each other: each figure before and now, and their ratio. Pure. What cannot be
 * compared fairly (another plan) is said.
 */
import { paint } from '../../observe/terminal.ts';
import { LOAD_RESULT_VERSION, type LoadResult } from '../measure/load-result.ts';
import { latency, percent, significant } from '../measure/number-text.ts';
import type { TextOptions } from './text-options.ts';
import { hanging } from './text-report.ts';

interface Figure {
  readonly name: string;
  readonly before: number | undefined;
  readonly now: number | undefined;
  readonly show: (value: number) => string;
  /** A higher value is the better one. */
  readonly isHigherBetter: boolean;
  /** Where two runs were asked for different rates it is no outcome. */
  readonly isAsked?: boolean;
}

/** Smaller changes are within what two runs of the same differ by. */
const NOTEWORTHY = 0.05;

export function comparisonText(before: LoadResult, now: LoadResult, { colour, width }: TextOptions): string {
  const rows = figures(before, now).map(
    ({ name, before: old, now: fresh, show, isHigherBetter, isAsked }) => {
      const ratio = old !== undefined && old > 0 && fresh !== undefined ? fresh / old : Number.NaN;
      const isBetter = isHigherBetter ? ratio > 1 : ratio < 1;
      const isOutcome = !(isAsked === true && before.plan.ratePerSecond !== now.plan.ratePerSecond);
      const figure = (value: number | undefined) => (value === undefined ? '-' : show(value)).padStart(12);
      const shown = Number.isNaN(ratio) ? '-' : `${ratio.toFixed(ratio >= 10 ? 1 : 2)}x`;
      const isSame = !(Math.abs(ratio - 1) > NOTEWORTHY);
      const style = isSame || !isOutcome ? 'dim' : isBetter ? 'green' : 'red';
      return `${`  ${name}`.padEnd(14)}${figure(old)}${figure(fresh)}${paint(shown.padStart(10), style, colour)}`;
    },
  );
  const heads = `${'before'.padStart(12)}${'now'.padStart(12)}${'ratio'.padStart(10)}`;
  const differences = planDifferences(before, now);
  return [
    `${'Compared'.padEnd(14)}${paint(heads, 'dim', colour)}`,
    ...rows,
    ...(differences.length === 0
      ? []
      : hanging(`not the same run: ${differences.join('; ')}`, 2, width - 2).map((line) =>
          paint(`  ${line}`, 'yellow', colour),
        )),
    '',
  ].join('\n');
}

function figures(before: LoadResult, now: LoadResult): Figure[] {
  const figure = (
    name: string,
    read: (result: LoadResult) => number | null | undefined,
    show: (value: number) => string,
    isHigherBetter = false,
  ): Figure => ({
    name,
    before: read(before) ?? undefined,
    now: read(now) ?? undefined,
    show,
    isHigherBetter,
  });
  return [
    {
      ...figure('requests/s', ({ requests }) => requests.answeredPerSecond, significant, true),
      isAsked: true,
    },
    ...['50', '90', '99', '99.9'].map((percentile) =>
      figure(`p${percentile}`, ({ latency: { percentilesMs } }) => percentilesMs[percentile], latency),
    ),
    figure('max', (result) => result.latency.maxMs, latency),
    figure(
      'failed',
      ({ requests }) => requests.failed / Math.max(1, requests.sent + requests.notSent),
      percent,
    ),
    ...(before.cpu.serverUserMs === undefined || now.cpu.serverUserMs === undefined
      ? []
      : [figure('server CPU/req', serverMicros, (value) => `${significant(value)} µs`)]),
  ];
}

function serverMicros({ cpu, requests }: LoadResult): number {
  const ms = (cpu.serverUserMs ?? 0) + (cpu.serverSystemMs ?? 0);
  return requests.answered > 0 ? (ms * 1000) / requests.answered : 0;
}

function planDifferences(before: LoadResult, now: LoadResult): string[] {
  const differences: string[] = [];
  const compare = (name: string, read: (result: LoadResult) => unknown) => {
    const [old, fresh] = [read(before), read(now)].map((value) => String(value ?? 'none'));
    if (old !== fresh) differences.push(`${name}: ${old}, now ${fresh}`);
  };
  compare('URLs', ({ plan }) => plan.urls.join(' '));
  compare('connections', ({ plan }) => plan.connections);
  compare('rate', ({ plan }) => plan.ratePerSecond);
  // Results from before there were two have none.
  compare('protocol', ({ plan }) => (plan.protocol as string | undefined) ?? 'http/1.1');
  compare('pipeline', ({ plan }) => plan.pipeline);
  compare('new connections', ({ plan }) => plan.newConnection);
  return differences;
}

/** @throws Error saying why the text is no result that can be compared with */
export function parseResult(text: string): LoadResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON');
  }
  const result = value as Partial<LoadResult> | null;
  if (
    typeof result !== 'object' ||
    result === null ||
    result.requests === undefined ||
    result.latency === undefined
  )
    throw new Error('it is no result of holdfast load');
  if (result.version !== LOAD_RESULT_VERSION)
    throw new Error(`it has version ${String(result.version)}, and only ${LOAD_RESULT_VERSION} is known`);
  return result as LoadResult;
}
