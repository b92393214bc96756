/**
 * The marks of seconds that say more about the client than about the server: their names, and how they are
 * drawn. Every marked second is shaded from top to bottom; each kind of mark has, besides, a strip with a
 * pattern of its own in a lane of its own above the plot, so that two marks in one second are both seen, without
 * colours too, and neither hides a line.
 */
import type { SecondMark } from '../../measure/load-result.ts';
import { html, type Markup, type Piece } from './markup.ts';
import type { Moment } from './moments.ts';
import { formatNumberOf } from './numbers.ts';
import { type LegendItem, percent } from './plot.ts';
import type { Scale } from './scale.ts';

const NAMES: Record<SecondMark, string> = {
  'client-cpu': 'the client’s CPU was used up',
  'client-waited-for-cpu': 'the client waited for a core',
  'late-timers': 'the client’s timers fired late',
  'receive-queue-full': 'the client’s receive queues were full',
  'no-source-port': 'no source port was left',
  'no-descriptor': 'no descriptor was left',
};

/** Height of a lane, and of the strip in it, in pixels. */
const LANE_PX = 9;
const STRIP_PX = 7;

/** Marks that this version does not know are shown by their own name. */
export function markName(mark: SecondMark): string {
  return NAMES[mark] ?? mark;
}

/** In the order of the table above, so that each chart of a report has the same lanes. */
function marksIn(moments: readonly Moment[]): SecondMark[] {
  const found = new Set(moments.flatMap((moment) => moment.marks));
  const known = (Object.keys(NAMES) as SecondMark[]).filter((mark) => found.delete(mark));
  return [...known, ...found];
}

/** SVG in percentages: shading first, strips above it. */
export function drawMarks(moments: readonly Moment[], x: Scale): Piece {
  const shades = spans(moments, (moment) => moment.marks.length > 0).map(([from, to]) =>
    band(from, to, x, html`class="shade" y="0" height="100%"`),
  );
  const strips = marksIn(moments).map((mark, lane) =>
    spans(moments, (moment) => moment.marks.includes(mark)).map(([from, to]) =>
      band(from, to, x, html`class="${markStyle(mark)}" y="${-(lane + 1) * LANE_PX}" height="${STRIP_PX}"`),
    ),
  );
  return [shades, strips];
}

/** How many lanes there are above a plot. */
export function laneCount(moments: readonly Moment[]): number {
  return marksIn(moments).length;
}

export function markLegend(moments: readonly Moment[]): LegendItem[] {
  return marksIn(moments).map((mark) => {
    const marked = moments.filter((moment) => moment.marks.includes(mark));
    const seconds = marked.reduce((sum, moment) => sum + (moment.to - moment.from), 0);
    const name = `${markName(mark)} (${formatNumberOf(Math.max(1, Math.round(seconds)), 'second')})`;
    return { name, style: markStyle(mark), kind: 'mark' };
  });
}

/** For the text alternative of a chart. */
export function describeMarks(moments: readonly Moment[]): string {
  return markLegend(moments)
    .map(({ name }) => ` Marked: ${name}.`)
    .join('');
}

/** The patterns that the strips are filled with; once in a page, before the charts. */
export const MARK_PATTERNS: Markup = html`<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>
<pattern id="p-client-cpu" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="m0" width="6" height="6"/></pattern>
<pattern id="p-client-waited-for-cpu" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="m1" width="3.5" height="6"/></pattern>
<pattern id="p-late-timers" width="5" height="7" patternUnits="userSpaceOnUse"><rect class="m2" width="2.5" height="7"/></pattern>
<pattern id="p-receive-queue-full" width="6" height="3.5" patternUnits="userSpaceOnUse"><rect class="m3" width="6" height="2"/></pattern>
<pattern id="p-no-source-port" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="m4" width="4" height="6"/></pattern>
<pattern id="p-no-descriptor" width="5" height="3.5" patternUnits="userSpaceOnUse"><rect class="m5" width="3" height="2.2"/></pattern>
</defs></svg>`;

function markStyle(mark: SecondMark): string {
  return `m-${mark in NAMES ? mark : 'client-cpu'}`;
}

function band(from: number, to: number, x: Scale, rest: Markup): Markup {
  const start = x.at(from);
  // At least a hair wide: one second in an hour must be seen.
  return html`<rect x="${percent(start)}" width="${percent(Math.max(0.0025, x.at(to) - start))}" ${rest}/>`;
}

/** Neighbouring moments that hold are one span. */
function spans(moments: readonly Moment[], holds: (moment: Moment) => boolean): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const moment of moments) {
    if (!holds(moment)) continue;
    const last = found.at(-1);
    if (last !== undefined && moment.from <= last[1] + 1e-9) last[1] = moment.to;
    else found.push([moment.from, moment.to]);
  }
  return found;
}
