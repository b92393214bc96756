/**
 * The results as one SVG of horizontal bars, readable on light and on dark pages: colours are classes, and
 * a media query inside the file swaps them, so that an <img> in a README follows the reader's scheme. Pure.
 */
import { short } from './stats.mjs';

const ENGINES = ['holdfast', 'floor', 'nginx', 'h2o', 'uwebsockets', 'bun', 'axum', 'node-http', 'fastify'];
const HONO = ['holdfast-hono', 'hono-bun', 'hono-node'];

/** Each panel: one workload, one figure; `parts` are stacked. */
const PANELS = [
  {
    workload: 'plaintext',
    title: 'Plaintext',
    unit: 'CPU µs a request',
    parts: ['userUs', 'systemUs'],
    less: true,
    peers: ENGINES,
  },
  {
    workload: 'pipeline16',
    title: 'Plaintext, 16 pipelined',
    unit: 'requests/s',
    parts: ['requestsPerSecond'],
    less: false,
    peers: ENGINES,
  },
  {
    workload: 'headers20',
    title: '20 browser headers',
    unit: 'user CPU µs a request',
    parts: ['userUs'],
    less: true,
    peers: ENGINES,
  },
  {
    workload: 'plaintext',
    title: 'The same Hono application',
    unit: 'requests/s',
    parts: ['requestsPerSecond'],
    less: false,
    peers: HONO,
  },
];

const WIDTH = 960;
const MARGIN = 24;
const GAP = 28;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2;
const LABEL_WIDTH = 158;
const VALUE_WIDTH = 52;
const BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;
const PANEL_HEAD = 52;
const HEAD = 62;
const FOOT = 34;

const STYLE = `
  svg { --page: #ffffff; --ink: #1c2430; --soft: #5f6b7a; --rule: #e3e7ec;
    --ours: #0b6bcb; --ours-soft: #8fbfec; --theirs: #7b8694; --theirs-soft: #c3cad2; --floor: #b5892b; --floor-soft: #e2cd97; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --ink: #e6edf3; --soft: #97a3b1; --rule: #252c36;
      --ours: #4ea1ff; --ours-soft: #23558c; --theirs: #8a95a3; --theirs-soft: #47515d; --floor: #d8ad4a; --floor-soft: #6b5723; }
  }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: var(--ink); }
  .page { fill: var(--page); } .h1 { font-size: 19px; font-weight: 650; } .h2 { font-size: 15px; font-weight: 650; }
  .soft { fill: var(--soft); font-size: 12px; } .value { font-variant-numeric: tabular-nums; }
  .us { font-weight: 650; } .rule { stroke: var(--rule); }
  .ours0 { fill: var(--ours); } .ours1 { fill: var(--ours-soft); } .theirs0 { fill: var(--theirs); }
  .theirs1 { fill: var(--theirs-soft); } .floor0 { fill: var(--floor); } .floor1 { fill: var(--floor-soft); }`;

/** @returns the SVG; panels without figures are left out */
export function drawChart(results) {
  const panels = PANELS.map((panel) => ({ ...panel, bars: barsOf(panel, results) })).filter(
    ({ bars }) => bars.length > 0,
  );
  const heights = [];
  panels.forEach((panel, i) => {
    const row = i >> 1;
    heights[row] = Math.max(heights[row] ?? 0, PANEL_HEAD + panel.bars.length * ROW_HEIGHT + 22);
  });
  const height = HEAD + heights.reduce((sum, each) => sum + each, 0) + FOOT;
  const drawn = panels.map((panel, i) => {
    const x = MARGIN + (i % 2) * (PANEL_WIDTH + GAP);
    const y = HEAD + heights.slice(0, i >> 1).reduce((sum, each) => sum + each, 0);
    return drawPanel(panel, x, y);
  });
  const { about } = results;
  const sources = `${about.cpu}, 1 core a server, client on another; Linux ${about.kernel}, Node ${about.node}; medians of ${about.rounds} × ${about.windowSeconds} s, ${about.at.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(describe(panels))}">
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="10"/>
<text class="h1" x="${MARGIN}" y="36">Holdfast beside its field</text>
${drawKey()}
${drawn.join('\n')}
<text class="soft" x="${MARGIN}" y="${height - 16}">${escaped(sources)}</text>
</svg>
`;
}

function barsOf(panel, results) {
  const bars = [];
  for (const id of panel.peers) {
    const row = results.rows[panel.workload]?.[id];
    const peer = results.peers.find((each) => each.id === id);
    if (row === undefined || peer === undefined) continue;
    const parts = panel.parts.map((part) => row[part]);
    if (!parts.every(Number.isFinite)) continue;
    const kind = id.startsWith('holdfast') ? 'ours' : id === 'floor' ? 'floor' : 'theirs';
    bars.push({ title: peer.title, kind, parts, value: parts.reduce((sum, part) => sum + part, 0) });
  }
  return bars.sort((a, b) => (panel.less ? a.value - b.value : b.value - a.value));
}

function drawPanel(panel, x, y) {
  const largest = Math.max(...panel.bars.map((bar) => bar.value));
  const lines = [
    `<line class="rule" x1="${x}" y1="${y}" x2="${x + PANEL_WIDTH}" y2="${y}"/>`,
    `<text class="h2" x="${x}" y="${y + 25}">${escaped(panel.title)}</text>`,
    `<text class="soft" x="${x + PANEL_WIDTH}" y="${y + 25}" text-anchor="end">${escaped(panel.unit)}, ${panel.less ? 'less' : 'more'} is better</text>`,
  ];
  panel.bars.forEach((bar, i) => {
    const top = y + PANEL_HEAD - 10 + i * ROW_HEIGHT;
    const baseline = top + BAR_HEIGHT - 3;
    const own = bar.kind === 'ours' ? ' class="us"' : '';
    lines.push(`<text${own} x="${x}" y="${baseline}">${escaped(bar.title)}</text>`);
    let at = x + LABEL_WIDTH;
    bar.parts.forEach((part, k) => {
      const width = (part / largest) * BAR_WIDTH;
      lines.push(
        `<rect class="${bar.kind}${k}" x="${at.toFixed(1)}" y="${top - 1}" width="${Math.max(width, 1).toFixed(1)}" height="${BAR_HEIGHT}"/>`,
      );
      at += width;
    });
    lines.push(
      `<text class="value${own === '' ? '' : ' us'}" x="${(at + 7).toFixed(1)}" y="${baseline}">${short(bar.value)}</text>`,
    );
  });
  return lines.join('\n');
}

/** What the two shades of the stacked panel are. */
function drawKey() {
  const right = WIDTH - MARGIN;
  return [
    `<rect class="theirs0" x="${right - 336}" y="25" width="12" height="12"/><text class="soft" x="${right - 319}" y="36">server’s code (user)</text>`,
    `<rect class="theirs1" x="${right - 182}" y="25" width="12" height="12"/><text class="soft" x="${right - 165}" y="36">kernel (system)</text>`,
    `<rect class="floor0" x="${right - 58}" y="25" width="12" height="12"/><text class="soft" x="${right}" y="36" text-anchor="end">C floor</text>`,
  ].join('\n');
}

/** For readers who hear the chart. */
function describe(panels) {
  return panels
    .map(
      (panel) =>
        `${panel.title}, ${panel.unit}: ${panel.bars.map((bar) => `${bar.title} ${short(bar.value)}`).join(', ')}`,
    )
    .join('. ');
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
