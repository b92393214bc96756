/** A run in one picture: a band for each slice, the server's memory across it, a mark where something was found. */
import { html, type Markup } from '../../load/report/html/markup.ts';
import type { TargetResult } from '../results.ts';
import { seconds } from '../slow/deadlines.ts';

const WIDTH = 1000;
const HEIGHT = 120;
const TOP = 18;
const MIB = 1024 * 1024;

export function drawTimeline({ slices, timeline, vitals }: TargetResult): Markup {
  const endMs = Math.max(
    1,
    ...timeline.map(({ atMs }) => atMs),
    ...slices.map(({ fromMs, durationMs }) => fromMs + durationMs),
  );
  const x = (ms: number): number => Math.round((ms / endMs) * WIDTH * 10) / 10;
  const seen = vitals.filter(({ residentBytes }) => residentBytes !== undefined);
  const most = Math.max(1, ...seen.map(({ residentBytes }) => residentBytes!));
  const y = (bytes: number): number =>
    Math.round((HEIGHT - 4 - (bytes / most) * (HEIGHT - TOP - 24)) * 10) / 10;
  const points = seen
    .map(({ atMs, residentBytes }) => `${x(Math.min(atMs, endMs))},${y(residentBytes!)}`)
    .join(' ');
  const found = timeline.filter(({ severity }) => severity !== undefined);
  const caption = `${seconds(endMs)}${seen.length > 0 ? `; the line is the server's memory, ${Math.round(most / MIB)} MiB at most` : ''}`;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${caption}">
${slices.map(
  ({ name, fromMs, durationMs }, n) =>
    html`<rect class="band ${n % 2 === 1 && 'odd'}" x="${x(fromMs)}" y="${TOP}" width="${Math.max(1, x(durationMs))}" height="${HEIGHT - TOP}"/><text x="${x(fromMs) + 4}" y="${n % 2 === 1 ? TOP + 26 : TOP + 13}">${name}</text>`,
)}
${points !== '' && html`<polyline class="memory" points="${points}"/>`}
${found.map(({ atMs, severity, text }) => html`<circle class="mark ${severity}" cx="${x(atMs)}" cy="9" r="5"><title>${text}</title></circle>`)}
</svg><p class="note">${caption}${found.length > 0 && '; marks above are findings'}.</p>`;
}
