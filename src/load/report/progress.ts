/**
 * One line on a terminal while a run lasts: rate, latency, errors, connections, time left. Redrawn at
 * most four times a second, and gone when the run is over.
 */
import { paint } from '../../observe/terminal.ts';
import type { SecondSample } from '../measure/load-result.ts';
import { grouped, seconds, shownLatency } from '../measure/number-text.ts';
import { MARK_TEXT } from '../measure/second-marks.ts';

const REDRAW_MS = 250;
const BAR_WIDTH = 20;

export interface ProgressFrame {
  readonly elapsedMs: number;
  /** Warm-up and all; undefined when a count ends the run. */
  readonly totalMs: number | undefined;
  /** The last second that is complete. */
  readonly sample: SecondSample | undefined;
  readonly answered: number;
  readonly failed: number;
  readonly requestCount: number | undefined;
  readonly label: string;
}

export function progressLine(frame: ProgressFrame, width: number, colour: boolean): string {
  const { elapsedMs, totalMs, sample, requestCount } = frame;
  const share =
    totalMs === undefined
      ? (frame.answered + frame.failed) / Math.max(1, requestCount ?? 1)
      : elapsedMs / Math.max(1, totalMs);
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  const left =
    totalMs === undefined
      ? `${grouped(frame.answered + frame.failed)} of ${grouped(requestCount ?? 0)}`
      : `${seconds(Math.max(0, Math.round((totalMs - elapsedMs) / 1000) * 1000))} left`;
  const figures =
    sample === undefined
      ? ['starting']
      : [
          `${grouped(sample.answered)}/s`,
          `p50 ${shownLatency(sample.p50Ms)}`,
          `p99 ${shownLatency(sample.p99Ms)}`,
          `${grouped(sample.open)} open`,
          frame.failed > 0 ? `${grouped(frame.failed)} failed` : undefined,
        ].filter((figure) => figure !== undefined);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}`;
  const text = `${frame.label}[${bar}] ${left}  ${figures.join('  ')}`.slice(0, Math.max(1, width - 1));
  const mark = sample?.marks[0];
  // What of this second is the client's own is told where there is room for it.
  const note = mark === undefined ? '' : `  ${MARK_TEXT[mark] ?? mark}`;
  const line = text.length + note.length < width ? text + note : text;
  return frame.failed > 0 || note !== '' ? paint(line, 'yellow', colour) : line;
}

interface ProgressOutput {
  write(text: string): void;
  readonly columns: number;
  readonly colour: boolean;
}

/** Draws while it runs; `stop` wipes the line. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  readonly #totalMs: number | undefined;
  readonly #requestCount: number | undefined;
  readonly #label: string;
  #startMs: number;
  #sample: SecondSample | undefined;
  #answered = 0;
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    output: ProgressOutput,
    plan: { readonly totalMs: number | undefined; readonly requestCount: number | undefined },
    now: () => number,
    label = '',
  ) {
    this.#output = output;
    this.#now = now;
    this.#totalMs = plan.totalMs;
    this.#requestCount = plan.requestCount;
    this.#label = label;
    this.#startMs = now();
  }

  start(): void {
    this.#startMs = this.#now();
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  second(sample: SecondSample): void {
    this.#sample = sample;
    if (sample.second < 0) return;
    this.#answered += sample.answered;
    this.#failed += sample.failed;
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#output.write('\r\x1b[K');
  }

  #draw(): void {
    const line = progressLine(
      {
        elapsedMs: this.#now() - this.#startMs,
        totalMs: this.#totalMs,
        sample: this.#sample,
        answered: this.#answered,
        failed: this.#failed,
        requestCount: this.#requestCount,
        label: this.#label,
      },
      this.#output.columns,
      this.#output.colour,
    );
    this.#output.write(`\r\x1b[K${line}`);
  }
}
