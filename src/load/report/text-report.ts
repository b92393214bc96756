/**
 * A result as text for a terminal of any width. Numbers stand in columns, the verdict stands last, where
 * the eye is when a run ends. Pure: text in, text out.
 */
import { escapeControls, type Paint, paint } from '../../observe/terminal.ts';
import type { LatencySummary, LoadResult, ThresholdResult } from '../measure/load-result.ts';
import {
  bytes,
  grouped,
  latency,
  percent,
  seconds,
  shownLatency,
  significant,
} from '../measure/number-text.ts';
import type { TextOptions } from './text-options.ts';
import { urlLines } from './url-lines.ts';

const LABEL_WIDTH = 14;
const COLUMN_WIDTH = 9;
const INDENT = '  ';

export function textReport(result: LoadResult, options: TextOptions): string {
  const sections = [
    header(result, options),
    [...requestLines(result, options), ...dataLines(result)],
    latencyLines(result, options),
    urlLines(result, options),
    countLines('Statuses', result.statuses, options, statusStyle),
    countLines('Errors', result.errors, options, () => 'red'),
    checkLines(result, options),
    [...connectionLines(result, options), ...handshakeLines(result, options)],
    machineLines(result, options),
    limitLines(result, options),
    thresholdLines(result.thresholds, options),
    verdictLines(result, options),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function header({ plan, interrupted, holdfastVersion }: LoadResult, options: TextOptions): string[] {
  const urls = plan.urls.map((url) => escapeControls(url, false));
  const what = urls.length === 1 ? urls[0]! : `${urls[0]} and ${urls.length - 1} more`;
  const parts = [
    counted(plan.connections, 'connection'),
    `${counted(plan.threads, 'thread')} (${plan.engine})`,
    plan.ratePerSecond === undefined
      ? undefined
      : `${significant(plan.ratePerSecond)} request${plan.ratePerSecond === 1 ? '' : 's'}/s asked for`,
    // One address is what the URL says, or its name; several need telling.
    plan.addresses.length > 1
      ? `to ${plan.addresses.map((address) => escapeControls(address, false)).join(', ')} in turn`
      : undefined,
    plan.protocol === 'h2' ? `HTTP/2, ${counted(plan.pipeline, 'stream')} on each` : undefined,
    plan.protocol === 'http/1.1' && plan.pipeline > 1 ? `${plan.pipeline} deep` : undefined,
    plan.newConnection ? 'a new connection for each request' : undefined,
    plan.thinkMaxMs > 0 ? `thinking ${seconds(plan.thinkMinMs)} to ${seconds(plan.thinkMaxMs)}` : undefined,
    plan.rampMs > 0 ? `ramp of ${seconds(plan.rampMs)}` : undefined,
    plan.warmupMs > 0 ? `after ${seconds(plan.warmupMs)} of warm-up` : undefined,
    interrupted ? 'INTERRUPTED' : undefined,
  ].filter((part) => part !== undefined);
  return [
    `${paint(`holdfast load ${holdfastVersion}`, 'bold', options.colour)}  ${plan.method} ${what}`,
    ...hanging(parts.join(', '), 0, options.width).map((line) => paint(line, 'dim', options.colour)),
  ];
}

function requestLines({ requests, durationMs, settledMs }: LoadResult, options: TextOptions): string[] {
  const { answered, failed, unfinished, notSent, resent, sent, answeredPerSecond } = requests;
  const lines = [
    row(
      'Requests',
      `${paint(`${significant(answeredPerSecond)}/s`, 'bold', options.colour)}  ${grouped(answered)} answered in ${lengthText(settledMs)}`,
    ),
  ];
  if (settledMs > durationMs * LATE_WORTH_TELLING)
    lines.push(row('', `the last of them after the end, ${lengthText(durationMs)}`));
  if (failed > 0)
    lines.push(
      row(
        '',
        paint(
          `${grouped(failed)} failed, ${percent(failed / Math.max(1, sent + notSent))} of ${grouped(sent + notSent)}`,
          'red',
          options.colour,
        ),
      ),
    );
  if (notSent > 0)
    lines.push(
      row(
        '',
        paint(
          `${grouped(notSent)} of them were due and never sent: every connection was busy`,
          'red',
          options.colour,
        ),
      ),
    );
  if (resent > 0)
    lines.push(
      row(
        '',
        paint(
          `${grouped(resent)} sent once more: the server had closed their connection`,
          'yellow',
          options.colour,
        ),
      ),
    );
  if (unfinished > 0) lines.push(row('', `${grouped(unfinished)} under way when the run was broken off`));
  return lines;
}

/** Where the last answers took their time, the run is longer than it was asked to be: this many times. */
const LATE_WORTH_TELLING = 1.02;

/** Hundredths of a second as long as they matter. */
function lengthText(ms: number): string {
  return ms < 100_000 ? `${(ms / 1000).toFixed(2)} s` : seconds(ms);
}

function dataLines({ bytesReceived, bytesSent, settledMs }: LoadResult): string[] {
  const perSecond = settledMs > 0 ? bytesReceived / (settledMs / 1000) : 0;
  return [row('Data', `${bytes(bytesReceived)} received, ${bytes(perSecond)}/s; ${bytes(bytesSent)} sent`)];
}

/** Lists the agents that made the load; a run on this machine alone need not say so. */
function machineLines({ machines, requests }: LoadResult, options: TextOptions): string[] {
  const isHere = machines.length === 1 && machines[0]!.startUncertaintyMs === undefined;
  if (isHere) return [];
  const names = machines.map(({ name }) => escapeControls(name, false));
  const width = Math.max(...names.map((name) => name.length));
  return machines.flatMap((machine, index) => {
    const share = requests.answered > 0 ? ` (${percent(machine.answered / requests.answered)})` : '';
    const began =
      machine.startUncertaintyMs === undefined
        ? ''
        : `; began within ${latency(machine.startUncertaintyMs)} of the common moment`;
    const line = `${names[index]!.padEnd(width)}  ${grouped(machine.answered)} answered${share}${began}`;
    const lost = machine.lost === undefined ? [] : [`LOST ${escapeControls(machine.lost, false)}`];
    return [
      row(index === 0 ? 'Machines' : '', line),
      ...lost
        .flatMap((text) => hanging(text, LABEL_WIDTH, options.width))
        .map((text) => row('', paint(text.trimStart(), 'red', options.colour))),
    ];
  });
}

const LATENCY_COLUMNS = ['mean', '50', '90', '99', '99.9', '99.99', 'max'] as const;

function latencyLines(result: LoadResult, { colour }: TextOptions): string[] {
  const isPaced = result.serviceTime !== undefined;
  const heads = LATENCY_COLUMNS.map((name) => (/\d/.test(name) ? `p${name}` : name));
  const lines = [
    // At a constant rate it matters from when on it counts.
    `${(isPaced ? 'Latency since' : 'Latency').padEnd(LABEL_WIDTH)}${heads.map((head) => paint(head.padStart(COLUMN_WIDTH), 'dim', colour)).join('')}`,
    latencyRow(isPaced ? 'when due' : 'answers', result.latency),
  ];
  if (result.serviceTime !== undefined) lines.push(latencyRow('when sent', result.serviceTime));
  if (result.connectTime !== undefined) lines.push(latencyRow('connecting', result.connectTime));
  if (result.handshakeTime !== undefined) lines.push(latencyRow('handshakes', result.handshakeTime));
  return lines;
}

function latencyRow(name: string, summary: LatencySummary): string {
  const cells = LATENCY_COLUMNS.map((column) => {
    if (column === 'mean') return shownLatency(summary.meanMs);
    return shownLatency(column === 'max' ? summary.maxMs : summary.percentilesMs[column]);
  });
  return `${`${INDENT}${name}`.padEnd(LABEL_WIDTH)}${cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join('')}`;
}

function countLines(
  label: string,
  counts: Readonly<Record<string, number>>,
  { colour, width: columns }: TextOptions,
  styleOf: (name: string) => Paint | undefined,
): string[] {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const widest = Math.max(0, ...entries.map(([name]) => name.length));
  const width = Math.max(0, ...entries.map(([, count]) => grouped(count).length));
  const isTooWide = LABEL_WIDTH + widest + INDENT.length + width > columns;
  return entries.flatMap(([name, count], index) => {
    const style = styleOf(name);
    // What is wrong with garbage is a sentence: it stands behind its count then, and goes on below itself.
    if (isTooWide) {
      const margin = width + INDENT.length;
      return hanging(name, 0, columns - LABEL_WIDTH - margin).map((line, at) => {
        const lead = at === 0 ? grouped(count).padStart(width) : '';
        return row(
          index + at === 0 ? label : '',
          `${lead.padEnd(margin)}${style === undefined ? line : paint(line, style, colour)}`,
        );
      });
    }
    const shown = name.padEnd(widest);
    return row(
      index === 0 ? label : '',
      `${style === undefined ? shown : paint(shown, style, colour)}  ${grouped(count).padStart(width)}`,
    );
  });
}

function statusStyle(status: string): Paint | undefined {
  return status >= '500' ? 'red' : status >= '400' ? 'yellow' : undefined;
}

function checkLines({ checks }: LoadResult, { colour }: TextOptions): string[] {
  const entries = Object.entries(checks);
  const widest = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, { passed, failed }], index) =>
    row(
      index === 0 ? 'Checks' : '',
      `${escapeControls(name, false).padEnd(widest)}  ${grouped(passed)} passed${failed > 0 ? paint(`, ${grouped(failed)} failed`, 'red', colour) : ''}`,
    ),
  );
}

/** Share of the source ports. */
const PORTS_WORTH_TELLING = 0.5;

function connectionLines({ connections, plan }: LoadResult, options: TextOptions): string[] {
  const { opened, reused, openMax, sourcePortsMax, sourcePortsAvailable } = connections;
  const lines = [
    row(
      'Connections',
      `${grouped(opened)} opened, ${grouped(openMax)} at once, ${grouped(reused)} requests on kept ones`,
    ),
  ];
  const troubles = [
    ['refused', connections.refused],
    ['reset', connections.reset],
    ['timed out', connections.timedOut],
    ['closed early', connections.closedEarly],
    ['unsolicited answers', connections.unsolicited],
    ['failed otherwise', connections.failed],
  ] as const;
  const told = troubles.filter(([, count]) => count > 0).map(([name, count]) => `${grouped(count)} ${name}`);
  if (told.length > 0) lines.push(row('', paint(told.join(', '), 'red', options.colour)));
  const isPortNews =
    plan.newConnection || (sourcePortsMax ?? 0) > (sourcePortsAvailable ?? 0) * PORTS_WORTH_TELLING;
  if (isPortNews && sourcePortsMax !== undefined && sourcePortsAvailable !== undefined)
    lines.push(
      row(
        '',
        `${grouped(sourcePortsMax)} of ${grouped(sourcePortsAvailable)} source ports in use at the most`,
      ),
    );
  return lines;
}

/** What became of TLS. */
function handshakeLines({ handshakes }: LoadResult, { colour, width }: TextOptions): string[] {
  if (handshakes === undefined) return [];
  const { full, resumed, failed, spoken } = handshakes;
  const counts = `${grouped(full)} full, ${grouped(resumed)} resumed`;
  const lost = failed > 0 ? `, ${paint(`${grouped(failed)} failed`, 'red', colour)}` : '';
  const names = Object.entries(spoken)
    .sort((a, b) => b[1] - a[1])
    .map(([name]) => escapeControls(name, false));
  return [
    row('Handshakes', counts + lost),
    ...(names.length === 0
      ? []
      : hanging(names.join(', '), 0, width - LABEL_WIDTH).map((line) => row('', line))),
  ];
}

function limitLines({ limitSearch }: LoadResult, { colour }: TextOptions): string[] {
  if (limitSearch.length === 0) return [];
  const cell = (text: string) => text.padStart(12);
  return [
    `${'Search'.padEnd(LABEL_WIDTH)}${['asked/s', 'achieved/s', 'measured'].map((head) => paint(cell(head), 'dim', colour)).join('')}`,
    ...limitSearch.map(
      ({ ratePerSecond, achievedPerSecond, measuredMs, isMet, missedBy, failedShare }) =>
        `${' '.repeat(LABEL_WIDTH)}${cell(significant(ratePerSecond))}${cell(significant(achievedPerSecond))}${cell(shownLatency(measuredMs))}${INDENT}${
          isMet
            ? paint('kept', 'green', colour)
            : paint(missedBy === 'failures' ? `${percent(failedShare)} failed` : 'missed', 'yellow', colour)
        }`,
    ),
  ];
}

function thresholdLines(thresholds: readonly ThresholdResult[], { colour }: TextOptions): string[] {
  const widest = Math.max(0, ...thresholds.map(({ name }) => name.length));
  return thresholds.map(({ name, measured, isMet }, index) => {
    const shown = name.startsWith('error rate') ? percent(measured ?? 1) : shownLatency(measured);
    const word = isMet ? paint('kept  ', 'green', colour) : paint('MISSED', 'red', colour);
    return row(index === 0 ? 'Thresholds' : '', `${word}  ${name.padEnd(widest)}  ${shown}`);
  });
}

/** The judgement, with evidence and remedies. */
export function verdictLines({ verdict }: LoadResult, { colour, width }: TextOptions): string[] {
  const isFine = verdict.limit === 'asked-rate';
  const lines = hanging(verdict.sentence, 2, width).map((line) =>
    paint(line, isFine ? 'green' : 'yellow', colour),
  );
  for (const evidence of verdict.evidence)
    lines.push(...hanging(`- ${evidence}`, 4, width - 2).map((line) => paint(INDENT + line, 'dim', colour)));
  if (verdict.remedies.length > 0) {
    lines.push(`${INDENT}What helps:`);
    for (const remedy of verdict.remedies)
      lines.push(...hanging(`- ${remedy}`, 4, width - 2).map((line) => paint(INDENT + line, 'cyan', colour)));
  }
  return lines;
}

function row(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Breaks at words so that no line passes `width`; further lines are indented. */
export function hanging(text: string, indent: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const start = lines.length === 0 ? 0 : indent;
    if (line !== '' && start + line.length + 1 + word.length > width) {
      lines.push(' '.repeat(start) + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(' '.repeat(lines.length === 0 ? 0 : indent) + line);
  return lines;
}
