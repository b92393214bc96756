/** Connections: how many there were, how they ended, and how near they came to using up the source ports. */
import type { LoadResult } from '../../measure/load-result.ts';
import { countAxis } from './axis.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatCount, formatShare } from './numbers.ts';
import { drawFacts } from './table.ts';
import { drawTimeChart, type Measure, type TimedRun } from './time-chart.ts';
import { ofEachRun } from './time-section.ts';

/** With fewer ports in use than this share, the line of those available would press all others to the ground. */
const LEVEL_FROM_SHARE = 0.2;

export function drawConnections(runs: readonly TimedRun[]): Markup {
  const { connections } = runs[0]!.run.result;
  const endings: readonly (readonly [string, number])[] = [
    ['refused', connections.refused],
    ['reset', connections.reset],
    ['connecting took too long', connections.timedOut],
    ['closed by the server in the middle of an exchange', connections.closedEarly],
    ['ended because of an answer that nobody asked for', connections.unsolicited],
    ['failed in another way', connections.failed],
  ];
  return html`<section class="card" aria-labelledby="connections"><h2 id="connections">Connections</h2>
<div class="beside">${runs.some(({ moments }) => moments.length > 0) && drawChart(runs)}
${drawFacts([
  ['opened', formatCount(connections.opened)],
  ['open at most', formatCount(connections.openMax)],
  ['answers over a connection used before', formatCount(connections.reused)],
  ...endings.map(
    ([name, count]) =>
      [name, count > 0 ? html`<span class="bad">${formatCount(count)}</span>` : '0'] as const,
  ),
  ['source ports in use at most', ports(connections)],
  ...handshakeFacts(runs[0]!.run.result),
])}</div></section>`;
}

function handshakeFacts({ handshakes }: LoadResult): (readonly [string, Piece])[] {
  if (handshakes === undefined) return [];
  const { full, resumed, failed, spoken } = handshakes;
  const names = Object.keys(spoken);
  return [
    ['TLS handshakes, full', formatCount(full)],
    ['TLS handshakes that took a session up again', formatCount(resumed)],
    ['TLS handshakes that failed', failed > 0 ? html`<span class="bad">${formatCount(failed)}</span>` : '0'],
    ...(names.length === 0 ? [] : [['TLS', names.join(', ')] as const]),
  ];
}

function ports({ sourcePortsMax, sourcePortsAvailable }: TimedRun['run']['result']['connections']): string {
  if (sourcePortsMax === undefined) return 'not known';
  if (sourcePortsAvailable === undefined) return formatCount(sourcePortsMax);
  const share = sourcePortsAvailable > 0 ? ` (${formatShare(sourcePortsMax / sourcePortsAvailable)})` : '';
  return `${formatCount(sourcePortsMax)} of ${formatCount(sourcePortsAvailable)}${share}`;
}

function drawChart(runs: readonly TimedRun[]): Markup {
  const own = runs[0]!;
  const isCompared = runs.length > 1;
  const hasPorts = runs.some(({ moments }) => moments.some((moment) => moment.sourcePorts !== undefined));
  const measures: Measure[] = [];
  // Compared runs are drawn by the figure that matters more: with ports known, that is the ports.
  if (isCompared && hasPorts) measures.push(...ofEachRun(runs, '', (moment) => moment.sourcePorts));
  else if (isCompared) measures.push(...ofEachRun(runs, '', (moment) => moment.open));
  else {
    if (hasPorts)
      measures.push({
        name: 'source ports in use',
        style: 's2',
        run: own,
        pick: (moment) => moment.sourcePorts,
      });
    measures.push({ name: 'open connections', style: 's0', run: own, pick: (moment) => moment.open });
  }
  const available = own.run.result.connections.sourcePortsAvailable;
  const most = Math.max(0, ...runs.map(({ run }) => run.result.connections.sourcePortsMax ?? 0));
  const showsLevel =
    hasPorts && available !== undefined && available > 0 && most >= available * LEVEL_FROM_SHARE;
  return drawTimeChart(
    {
      title: isCompared
        ? hasPorts
          ? 'Source ports in use'
          : 'Open connections'
        : hasPorts
          ? 'Open connections and source ports'
          : 'Open connections',
      note: note(hasPorts, showsLevel, available),
      height: 'tall',
      explainsMarks: true,
      measures,
      axis: (values) => countAxis(hasPorts ? 'connections, ports' : 'connections', values, true),
      format: formatCount,
      ...(showsLevel && { level: { name: 'source ports available', value: available } }),
    },
    runs,
  );
}

function note(hasPorts: boolean, showsLevel: boolean, available: number | undefined): Piece {
  if (!hasPorts) return undefined;
  const above = `${formatCount(available)} were available to one destination, far above this chart.`;
  return `Ports in TIME_WAIT are in use, too.${showsLevel || available === undefined ? '' : ` ${above}`}`;
}
