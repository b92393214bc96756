/**
 * The page without its numbers: landmarks, headings, tables and empty states, so that nothing moves when the first numbers
 * come. Style and script are in it, and the server allows exactly these two by their hashes.
 */

interface ChartCard {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
}

const CHARTS: readonly ChartCard[] = [
  { id: 'requests', title: 'Requests', unit: 'a second' },
  { id: 'latency', title: 'Latency', unit: 'p99, over 5 s' },
  { id: 'traffic', title: 'Traffic', unit: 'sent' },
  { id: 'open', title: 'Connections', unit: 'open' },
  { id: 'lag', title: 'Event loop lag', unit: 'p99, over 5 s' },
  { id: 'cpu', title: 'CPU', unit: 'of one core' },
];

const NOTES: Readonly<Record<string, string>> = {
  latency: 'From the first byte of a request to the last of its answer.',
  lag: 'How late timers are; above 50 ms something blocks.',
};

function chartCard({ id, title, unit }: ChartCard): string {
  return `<section class="card chart" id="${id}" aria-labelledby="${id}-title">
<div class="title"><h3 id="${id}-title">${title}</h3><span class="time" id="${id}-time">now</span></div>
<p class="figure"><b id="${id}-figure">–</b> <span class="unit">${unit}</span></p>
<p class="note" id="${id}-note">${NOTES[id] ?? ''}</p>
</section>`;
}

function tableCard(id: string, title: string, none: string, note = '', className = ''): string {
  return `<section class="card ${className}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${title}</h3>
<p class="note" id="${id}-note">${note}</p>
<p class="none" id="${id}-none"${none === '' ? ' hidden' : ''}>${none}</p>
<table id="${id}-table" aria-labelledby="${id}-title"></table>
</section>`;
}

function wideCard(id: string, title: string, none: string, aside: string, after: string): string {
  return `<section class="card" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}${aside}</h2>
<p class="note" id="${id}-note"></p>
<p class="none" id="${id}-none">${none}</p>
<div class="scroll" id="${id}-scroll" role="region" aria-labelledby="${id}-title" tabindex="0" hidden><table class="folds" id="${id}-table" aria-labelledby="${id}-title"></table></div>
${after}</section>`;
}

/** @param script of the page, bundled; neither it nor the style may hold the end of its element */
export function renderPage(script: string, style: string): string {
  for (const text of [script, style])
    if (/<\/(script|style)/i.test(text)) throw new Error('the page would end within its script or style');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Holdfast</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body data-link="connecting">
<a class="skip" href="#main">Skip to the numbers</a>
<header>
<div class="name"><h1>Holdfast</h1><span id="ready" class="pill" role="status">connecting</span></div>
<p class="facts"><span id="url"></span><span id="engine"></span><span id="workers-count"></span><span id="uptime"></span></p>
<div class="tools"><button id="pause" type="button" aria-pressed="false">Pause</button>
<nav aria-label="The same for programs"><a href="/metrics">metrics</a><a href="/connections">connections</a><a href="/status">status</a></nav></div>
</header>
<main id="main" tabindex="-1">
<noscript><p class="card">This page needs JavaScript; /status and /metrics tell the same without.</p></noscript>
<section id="sign-in" class="card" aria-labelledby="sign-in-title" hidden>
<h2 id="sign-in-title">This port wants its token</h2>
<p class="note">It is what the server was started with: <code>--admin-token</code>, or <code>admin.token</code>. It is kept for this tab until you close it.</p>
<form id="sign-in-form"><label for="token">Token</label><input id="token" type="password" autocomplete="current-password" spellcheck="false" required aria-describedby="sign-in-error">
<button type="submit">Open</button></form>
<p id="sign-in-error" class="error" role="alert"></p>
</section>
<div id="content">
<h2 class="hidden" id="now-title">Now and the last minutes</h2>
<section class="grid" aria-labelledby="now-title">
${CHARTS.map(chartCard).join('\n')}
</section>
${wideCard('transfers', 'Transfers', 'No request is under way for longer than a second.', '', '')}
${wideCard(
  'offenders',
  'Attacks',
  'Nobody has gone beyond a deadline or a bound in the last minute.',
  ' <span id="offenders-pill" class="pill bad" role="status" hidden></span>',
  '<p class="note" id="offenders-others" hidden></p>\n',
)}
<div id="sections"></div>
<h2 class="hidden" id="counters-title">What is counted</h2>
<section class="grid counters" aria-labelledby="counters-title">
<div class="column"><section class="card" aria-labelledby="states-title"><h3 id="states-title">Connections by state</h3>
<div id="states-bar" class="states-bar" aria-hidden="true"></div><dl id="states"></dl></section>
${tableCard('reasons', 'Why connections ended', 'No connection has ended yet.')}</div>
<div class="column">${tableCard('histogram', 'How long requests take', 'No request was answered in the last minute.')}</div>
<div class="column">${tableCard('workers', 'Workers', '')}
${tableCard('deadlines', 'Deadlines that fired', '', 'Each is set by its option in <code>timeouts</code>.')}</div>
</section>
</div>
</main>
<footer><p id="reason"></p><p id="versions"></p></footer>
<div id="away" class="away" role="status" hidden><p id="away-text"></p></div>
<script>${script}</script>
</body>
</html>
`;
}
