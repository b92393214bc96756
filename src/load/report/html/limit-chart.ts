/**
 * The steps of a search for the highest rate that keeps a threshold: the rate that was asked for, and the
 * latency that came of it.
 */
import type { LimitStep } from '../../measure/load-result.ts';
import { latencyAxis, rateAxis } from './axis.ts';
import { drawLine } from './line.ts';
import type { Markup } from './markup.ts';
import { formatAskedRate, formatMsWith, formatRate, type MsUnit } from './numbers.ts';
import { drawPlot, percent, pointAt } from './plot.ts';

/** A step of which there is something to draw. */
type MeasuredStep = LimitStep & { readonly measuredMs: number };

export function drawLimitChart(steps: readonly LimitStep[], unit: MsUnit): Markup {
  const byRate = steps
    .filter((step): step is MeasuredStep => step.measuredMs !== null)
    .sort((a, b) => a.ratePerSecond - b.ratePerSecond);
  const x = rateAxis(
    'requests a second asked for',
    byRate.map((step) => step.ratePerSecond),
  );
  const y = latencyAxis(
    byRate.map((step) => step.measuredMs),
    unit,
  );
  const points = byRate.map((step) => [step.ratePerSecond, step.measuredMs] as const);
  const found = byRate.filter((step) => step.isMet).at(-1);
  const result =
    found === undefined
      ? 'none kept the threshold'
      : `${formatAskedRate(found.ratePerSecond)} was the highest that kept it`;
  return drawPlot({
    title: 'Rates that were tried',
    x,
    y: { ...y, title: `measured ${y.title}` },
    height: 'tall',
    description: `Rates that were tried, and the latency at each: ${steps.length} steps, ${result}. The table has them all.`,
    legend: [
      { name: 'threshold met', style: 'met', kind: 'point' },
      { name: 'threshold missed', style: 'missed', kind: 'point' },
    ],
    lines: drawLine({ name: 'steps', style: 'thin', points }, x.scale, y.scale),
    points: byRate.map((step) =>
      pointAt(percent(x.scale.at(step.ratePerSecond)), percent(1 - y.scale.at(step.measuredMs)), step.isMet),
    ),
    readOut: {
      at: byRate.map((step) => x.scale.at(step.ratePerSecond)),
      labels: byRate.map((step) => `${formatAskedRate(step.ratePerSecond)} req/s asked`),
      rows: [
        { name: 'answered', values: byRate.map((step) => `${formatRate(step.achievedPerSecond)} req/s`) },
        { name: 'latency', values: byRate.map((step) => formatMsWith(unit, step.measuredMs)) },
        { name: 'threshold', values: byRate.map((step) => (step.isMet ? 'met' : 'missed')) },
      ],
    },
  });
}
