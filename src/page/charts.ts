/** Which charts there are, and the figures above them. */
import type { Status } from '../observe/status.ts';
import { Chart, type ChartPlan } from './chart.ts';
import { sayAt } from './elements.ts';
import type { History } from './history.ts';
import {
  bytes,
  bytesPerSecond,
  count,
  digits,
  memory,
  milliseconds,
  numberOf,
  percent,
  perSecond,
} from './numbers.ts';

const PLANS: readonly ChartPlan[] = [
  {
    id: 'requests',
    lines: [
      { measure: 'requests', name: 'requests/s', colour: '--s0', isFilled: true },
      { measure: 'failed', name: '5xx/s', colour: '--bad' },
    ],
    format: perSecond,
    axis: shortCount,
    highMin: 5,
  },
  {
    id: 'latency',
    lines: [
      { measure: 'p50', name: 'p50', colour: '--s0' },
      { measure: 'p90', name: 'p90', colour: '--s1' },
      { measure: 'p99', name: 'p99', colour: '--s2' },
    ],
    format: milliseconds,
    axis: digits,
    highMin: 1,
  },
  {
    id: 'traffic',
    lines: [
      { measure: 'sent', name: 'sent', colour: '--s0', isFilled: true },
      { measure: 'received', name: 'received', colour: '--s2' },
    ],
    format: bytesPerSecond,
    axis: bytes,
    highMin: 1000,
  },
  {
    id: 'open',
    lines: [{ measure: 'open', name: 'open', colour: '--s0', isFilled: true }],
    format: count,
    axis: shortCount,
    highMin: 5,
  },
  {
    id: 'lag',
    lines: [{ measure: 'lag', name: 'p99 of the slowest worker', colour: '--s1', isFilled: true }],
    format: milliseconds,
    axis: digits,
    highMin: 5,
  },
  {
    id: 'cpu',
    lines: [{ measure: 'cpu', name: 'of one core', colour: '--s0', isFilled: true }],
    format: percent,
    axis: percent,
    highMin: 0.1,
  },
];

export class Charts {
  readonly #charts: readonly Chart[];
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
    this.#charts = PLANS.map((plan) => new Chart(plan, history));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.#charts) chart.redraw();
    });
  }

  show(status: Status): void {
    const now = this.#history.seconds.at(-1);
    const failed = status.statusClasses['5xx'] ?? 0;
    const refused = status.statusClasses['4xx'] ?? 0;
    sayAt('requests-figure', perSecond(now?.requests));
    sayAt(
      'requests-note',
      `${count(status.requests)} in all, ${count(refused)} × 4xx, ${count(failed)} × 5xx, ${count(status.aborted)} given up by clients`,
    );
    sayAt('latency-figure', milliseconds(now?.p99));
    sayAt('traffic-figure', bytesPerSecond(now?.sent));
    sayAt(
      'traffic-note',
      `${bytes(status.bytesSent)} sent and ${bytes(status.bytesReceived)} received in all`,
    );
    sayAt('open-figure', count(status.open));
    sayAt(
      'open-note',
      `${count(status.accepted)} accepted in all; ${bytes(status.unsentBytes)} wait for slow readers`,
    );
    sayAt('lag-figure', milliseconds(now?.lag));
    sayAt('cpu-figure', percent(now?.cpu));
    const { residentBytes, openDescriptors } = status.process;
    sayAt(
      'cpu-note',
      `${memory(residentBytes)} of memory${openDescriptors === null ? '' : `, ${numberOf(openDescriptors, 'descriptor')}`}`,
    );
    for (const chart of this.#charts) chart.draw();
  }
}

/** At most five characters: `12k`, `1.5M`. */
function shortCount(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)}M`;
  return value >= 10_000 ? `${digits(value / 1000)}k` : digits(value);
}
