/**
 * What `holdfast doctor` found, as data for programs and as a page for people. It looks at nothing
 * itself: `doctor.ts` gathers, this file judges and lays out, so that both can be tested anywhere.
 */
import { paint } from '../observe/terminal.ts';

/** A limit of the host and what it means for a server. */
export interface LimitFact {
  /** A stable name for programs, as `descriptors`. */
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly meaning: string;
  /** `bad`: it will hurt; `low`: it will under load. */
  readonly verdict: 'fine' | 'low' | 'bad';
}

export interface EngineFact {
  readonly name: string;
  readonly available: boolean;
  /** Why, in a sentence, whether yes or no. */
  readonly reason: string;
}

export interface Advice {
  readonly problem: string;
  /** What to type or to change. */
  readonly change: string;
}

export interface DoctorReport {
  readonly holdfast: string;
  readonly system: {
    readonly node: string;
    readonly platform: string;
    readonly arch: string;
    readonly kernel: string;
    /** Which kind of container this is; null outside of one. */
    readonly container: string | null;
  };
  readonly ffi: { readonly name: string | null; readonly reason: string };
  /** Whether the fast engines speak it. */
  readonly tls: { readonly available: boolean; readonly reason: string };
  /** By what messages of WebSockets are compressed. */
  readonly compression: { readonly isNative: boolean; readonly reason: string };
  readonly engines: readonly EngineFact[];
  /** What `--engine auto` takes. */
  readonly chosen: { readonly name: string; readonly reason: string };
  readonly cpu: {
    /** Cores that this process may run on. */
    readonly cores: number;
    /** The control group's share, in cores; `null` when it is not limited. */
    readonly quotaCores: number | null;
    readonly workers: number;
  };
  readonly limits: readonly LimitFact[];
  readonly advice: readonly Advice[];
}

const LABEL_WIDTH = 22;
const PAGE_WIDTH = 92;

export function reportText(report: DoctorReport, colour: boolean): string {
  const heading = (text: string) => `\n${paint(text, 'bold', colour)}`;
  const row = (label: string, value: string, note = '') => rowText(label, value, note, colour);
  const { system, cpu } = report;
  const lines = [
    heading(`Holdfast ${report.holdfast}`),
    row('Node.js', system.node, nodeNote(system.node)),
    row('System', `${system.platform} ${system.arch}, kernel ${system.kernel}`),
    row('Container', system.container ?? 'none seen'),
    row('FFI', report.ffi.name ?? 'none', report.ffi.reason),
    row('TLS', report.tls.available ? 'every engine' : 'node engine only', report.tls.reason),
    row('WebSocket deflate', report.compression.isNative ? 'direct' : 'node:zlib', report.compression.reason),
    row('Cores', `${cpu.cores}`, quotaNote(cpu.quotaCores)),
    row('Workers (auto)', `${cpu.workers}`),
    heading('Engines'),
    ...report.engines.map((engine) => engineRow(engine, engine.name === report.chosen.name, colour)),
    row('auto takes', report.chosen.name, report.chosen.reason),
    heading('Limits'),
    ...report.limits.map((limit) => limitRow(limit, colour)),
    heading(report.advice.length === 0 ? 'Nothing to change' : 'What to change'),
    ...(report.advice.length === 0
      ? [`  ${paint('This host lets Holdfast do all it can.', 'green', colour)}`]
      : adviceRows(report.advice, colour)),
    '',
  ];
  return lines.join('\n');
}

/** Node 20 had its last fix in April 2026 (nodejs/Release); Holdfast still runs on it. */
function nodeNote(version: string): string {
  return Number.parseInt(version, 10) < 22 ? '24 is recommended: this one gets no fixes any more' : '';
}

function quotaNote(quotaCores: number | null): string {
  return quotaCores === null ? '' : `the control group allows ${quotaCores} of them`;
}

function engineRow(engine: EngineFact, isChosen: boolean, colour: boolean): string {
  const mark = engine.available ? paint('yes', 'green', colour) : paint('no ', 'red', colour);
  const name = isChosen
    ? paint(engine.name.padEnd(LABEL_WIDTH - 2), 'bold', colour)
    : engine.name.padEnd(LABEL_WIDTH - 2);
  return `  ${name}${mark}  ${hanging(engine.reason, LABEL_WIDTH + 5)}`;
}

function limitRow(limit: LimitFact, colour: boolean): string {
  const style = limit.verdict === 'fine' ? undefined : limit.verdict === 'low' ? 'yellow' : 'red';
  const value = style === undefined ? limit.value : paint(limit.value, style, colour);
  const meaning =
    limit.meaning === ''
      ? ''
      : `\n${' '.repeat(LABEL_WIDTH)}${paint(hanging(limit.meaning, LABEL_WIDTH), 'dim', colour)}`;
  return `  ${limit.label.padEnd(LABEL_WIDTH - 2)}${value}${meaning}`;
}

function rowText(label: string, value: string, note: string, colour: boolean): string {
  const head = `  ${label.padEnd(LABEL_WIDTH - 2)}${value}`;
  if (note === '') return head;
  const whole = `${head}  ${note}`;
  if (whole.length <= PAGE_WIDTH) return `${head}  ${paint(note, 'dim', colour)}`;
  return `${head}\n${' '.repeat(LABEL_WIDTH)}${paint(hanging(note, LABEL_WIDTH), 'dim', colour)}`;
}

function adviceRows(advice: readonly Advice[], colour: boolean): string[] {
  return advice.flatMap(({ problem, change }, index) => [
    `  ${paint(`${index + 1}.`, 'yellow', colour)} ${hanging(problem, 5)}`,
    `     ${paint(hanging(change, 5), 'cyan', colour)}`,
  ]);
}

/** Breaks at words so that nothing passes the page's edge; further lines begin in column `indent`. */
function hanging(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > PAGE_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${' '.repeat(indent)}`);
}
