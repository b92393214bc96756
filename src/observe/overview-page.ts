/**
 * The overview at the root of the admin port: one page without a framework or another host's files, that
 * asks `/stats` and `/connections` every two seconds while somebody looks. Whatever came from a client is
 * put in as text, never as markup. Style and script are apart so that the server can allow exactly these
 * two by their hashes.
 */

export const OVERVIEW_STYLE = `
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --line: #e2e5ea; --text: #191d24; --dim: #5c6573;
  --accent: #1f6feb; --good: #1a7f42; --warn: #9a5b00; --bad: #c2261c;
  --accepted: #98a2b3; --head: #e0a100; --idle: #a9c3ea; --exchange: #1f6feb; --linger: #8b5cf6; --closing: #667085; }
@media (prefers-color-scheme: dark) { :root { --page: #101318; --card: #181c23; --line: #2a303a; --text: #e7eaef; --dim: #9aa4b2;
  --accent: #6aa5ff; --good: #4cc27a; --warn: #e8b04b; --bad: #ff8078;
  --accepted: #6b7686; --head: #e8b04b; --idle: #3d5a86; --exchange: #6aa5ff; --linger: #a78bfa; --closing: #8b95a5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1240px; margin: 0 auto; padding: 20px 20px 48px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; margin-bottom: 18px; }
h1 { font-size: 20px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 13px; font-weight: 600; margin: 0 0 10px; color: var(--dim); }
.facts { color: var(--dim); overflow-wrap: anywhere; }
.pill { padding: 1px 10px; border-radius: 99px; border: 1px solid currentColor; font-weight: 600; font-size: 12px; color: var(--dim); }
.pill.good { color: var(--good); } .pill.warn { color: var(--warn); } .pill.bad { color: var(--bad); }
.links { margin-left: auto; display: flex; gap: 14px; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); margin-bottom: 14px; }
.pair { grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.big { font-size: 27px; font-weight: 600; line-height: 1.15; letter-spacing: -.02em; }
.big small { font-size: 13px; font-weight: 400; color: var(--dim); letter-spacing: 0; margin-left: 5px; }
.note { color: var(--dim); min-height: 1.45em; }
svg.spark { display: block; width: 100%; height: 34px; margin-top: 8px; overflow: visible; }
svg.spark path { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.bar { display: flex; height: 10px; border-radius: 5px; overflow: hidden; background: var(--line); margin: 12px 0 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 3px 16px; color: var(--dim); }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 6px; }
.accepted { background: var(--accepted); } .head { background: var(--head); } .idle { background: var(--idle); }
.exchange { background: var(--exchange); } .linger { background: var(--linger); } .closing { background: var(--closing); }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; color: var(--dim); font-size: 12px; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; } tbody tr:last-child td { border-bottom: 0; }
.n { text-align: right; white-space: nowrap; } .zero { color: var(--dim); } .late { color: var(--warn); font-weight: 600; }
.scroll { overflow-x: auto; } .mono { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: nowrap; }
.target { max-width: 340px; overflow: hidden; text-overflow: ellipsis; }
#lost { display: none; border-color: var(--bad); color: var(--bad); margin-bottom: 14px; }
body.lost #lost { display: block; } body.lost .grid, body.lost #table { opacity: .5; }
`;

export const OVERVIEW_SCRIPT = `
'use strict';
const EVERY_MS = 2000, POINTS = 90, ROWS = 50;
const STATES = ['accepted', 'head', 'idle', 'exchange', 'linger', 'closing'];
const DEADLINES = { header: 'header', idle: 'idle', body: 'body', handler: 'handler', linger: 'linger', stall: 'stall', deadPeer: 'dead peer', drain: 'drain' };
const at = (id) => document.getElementById(id);
const say = (id, text) => { at(id).textContent = text; };
const make = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const plain = new Intl.NumberFormat('en');
const count = (n) => n < 1e6 ? plain.format(Math.round(n)) : n < 1e9 ? (n / 1e6).toFixed(2) + ' M' : (n / 1e9).toFixed(2) + ' G';
const rate = (n) => n > 0 && n < 10 ? n.toFixed(1) : count(n);
const bytes = (n) => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1000 && unit < 4) { n /= 1024; unit++; }
  return (unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)) + ' ' + units[unit];
};
const time = (ms) => {
  if (ms < 1000) return Math.round(ms) + ' ms';
  const s = ms / 1000;
  if (s < 60) return s.toFixed(1) + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' m ' + Math.floor(s % 60) + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor((s % 3600) / 60) + ' m';
  return Math.floor(s / 86400) + ' d ' + Math.floor((s % 86400) / 3600) + ' h';
};
const history = { requests: [], sent: [], received: [] };
const spark = (id, values, value) => {
  values.push(value);
  if (values.length > POINTS) values.shift();
  const most = Math.max(...values, 1e-9);
  const first = POINTS - values.length;
  const points = values.map((v, i) => ((first + i) / (POINTS - 1) * 100).toFixed(2) + ' ' + (32 - v / most * 30).toFixed(2));
  at(id).setAttribute('d', 'M' + points.join('L'));
};
let before, refused = 0;
function showNumbers(now, stats) {
  const pill = at('ready');
  pill.textContent = stats.ready ? 'ready' : 'draining';
  pill.className = 'pill ' + (stats.ready ? 'good' : 'warn');
  say('facts', stats.url + ' · ' + stats.engineChoice.name + ' engine · ' + (stats.workers === 0 ? 'main thread' : stats.workers + (stats.workers === 1 ? ' worker' : ' workers')) + ' · up ' + time(stats.uptimeMs) + ' · pid ' + stats.process.pid + ' · ' + stats.version);
  at('facts').title = stats.engineChoice.reason;
  const seconds = before === undefined ? stats.uptimeMs / 1000 : (now - before.at) / 1000;
  const per = (pick) => Math.max(0, (pick(stats) - (before === undefined ? 0 : pick(before.stats))) / seconds);
  // The first numbers are means since the start: worth saying, and no point of the curve.
  const show = (id, text, value) => { say(id, text(value)); if (before !== undefined) spark(id + '-line', history[id], value); };
  show('requests', rate, per((s) => s.requests));
  show('sent', bytes, per((s) => s.engine.bytesSent));
  show('received', bytes, per((s) => s.engine.bytesReceived));
  say('requests-note', count(stats.requests) + ' in all, ' + count(stats.statusClasses['4xx']) + ' × 4xx, ' + count(stats.statusClasses['5xx']) + ' × 5xx');
  say('sent-note', bytes(stats.engine.bytesSent) + ' in all');
  say('received-note', bytes(stats.engine.bytesReceived) + ' in all');
  say('unsent', bytes(stats.unsentBytes));
  say('memory', 'memory ' + bytes(stats.process.residentBytes) + (stats.process.openDescriptors === undefined ? '' : ', ' + count(stats.process.openDescriptors) + ' descriptors'));
  const cpu = (stats.process.cpuSeconds - (before === undefined ? 0 : before.stats.process.cpuSeconds)) / seconds;
  say('cpu', (cpu * 100).toFixed(cpu < 0.1 ? 1 : 0) + ' % of a core');
  say('open', count(stats.engine.open));
  say('accepted', count(stats.engine.accepted) + ' accepted in all');
  at('bar').replaceChildren(...STATES.filter((state) => stats.states[state] > 0).map((state) => {
    const part = make('span', state);
    part.style.flex = stats.states[state] + ' 0 2px';
    return part;
  }));
  at('legend').replaceChildren(...STATES.map((state) => {
    const item = make('span', stats.states[state] === 0 ? 'zero' : '');
    item.append(make('i', 'dot ' + state), state + ' ' + count(stats.states[state]));
    return item;
  }));
  fill('deadlines', Object.keys(DEADLINES).map((name) => [DEADLINES[name], stats.deadlines[name], before === undefined ? 0 : stats.deadlines[name] - before.stats.deadlines[name]]));
  const reasons = Object.keys(stats.closeReasons).sort((a, b) => stats.closeReasons[b] - stats.closeReasons[a]);
  fill('reasons', reasons.map((name) => [name, stats.closeReasons[name], before === undefined ? 0 : stats.closeReasons[name] - (before.stats.closeReasons[name] || 0)]));
  at('no-reasons').hidden = reasons.length > 0;
  before = { at: now, stats };
}
function fill(id, rows) {
  at(id).replaceChildren(...rows.map(([name, total, fresh]) => {
    const row = make('tr', total === 0 ? 'zero' : '');
    row.append(make('td', '', name), make('td', 'n late', fresh > 0 ? '+' + count(fresh) : ''), make('td', 'n', count(total)));
    return row;
  }));
}
function showTable({ open, shown, connections }) {
  say('shown', open === 0 ? 'none' : shown < open ? 'the ' + shown + ' busiest of ' + count(open) : count(open));
  at('table').hidden = connections.length === 0;
  at('rows').replaceChildren(...connections.map((c) => {
    const row = make('tr');
    const state = make('td');
    state.append(make('i', 'dot ' + c.state), c.state);
    const request = make('td', 'mono target', c.method === null ? '' : c.method + ' ' + c.target);
    request.title = request.textContent;
    row.title = 'worker ' + c.worker + ', connection ' + c.id;
    row.append(make('td', 'mono', c.remoteAddress), state,
      make('td', 'n', time(c.stateMs)), make('td', 'n', time(c.ageMs)), make('td', 'n', count(c.requests)),
      make('td', 'n', bytes(c.bytesReceived)), make('td', 'n', bytes(c.bytesSent)), make('td', 'n', bytes(c.rateBytesPerSecond) + '/s'),
      make('td', c.unsentBytes === 0 ? 'n zero' : 'n', bytes(c.unsentBytes)),
      make('td', c.stallMs === 0 ? 'n zero' : c.stallMs > 5000 ? 'n late' : 'n', c.stallMs === 0 ? '–' : time(c.stallMs)), request);
    return row;
  }));
}
async function ask(path) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(path + ': ' + response.status);
  return response.json();
}
let timer;
async function refresh() {
  clearTimeout(timer);
  try {
    const [stats, table] = await Promise.all([ask('/stats'), ask('/connections?limit=' + ROWS)]);
    showNumbers(performance.now(), stats);
    showTable(table);
    refused = 0;
  } catch (error) {
    refused++;
    if (refused === 2) say('lost', 'No answer from the admin port since ' + new Date().toLocaleTimeString() + '; these are its last numbers.');
  }
  document.body.classList.toggle('lost', refused > 1);
  if (refused > 1) { at('ready').textContent = 'not answering'; at('ready').className = 'pill bad'; }
  if (!document.hidden) timer = setTimeout(refresh, EVERY_MS);
}
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
refresh();
`;

export const OVERVIEW_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast</title>
<link rel="icon" href="data:,">
<style>${OVERVIEW_STYLE}</style>
</head>
<body>
<main>
<header><h1>Holdfast</h1><span id="ready" class="pill" role="status">asking</span><span id="facts" class="facts"></span>
<nav class="links"><a href="/metrics">metrics</a><a href="/connections">connections</a><a href="/stats">stats</a></nav></header>
<div id="lost" class="card" role="alert"></div>
<section class="grid">
<div class="card"><h2>Requests a second</h2><div id="requests" class="big">–</div><div id="requests-note" class="note"></div><svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" aria-hidden="true"><path id="requests-line"/></svg></div>
<div class="card"><h2>Sent a second</h2><div id="sent" class="big">–</div><div id="sent-note" class="note"></div><svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" aria-hidden="true"><path id="sent-line"/></svg></div>
<div class="card"><h2>Received a second</h2><div id="received" class="big">–</div><div id="received-note" class="note"></div><svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" aria-hidden="true"><path id="received-line"/></svg></div>
<div class="card"><h2>Waiting for slow readers</h2><div id="unsent" class="big">–</div><div id="memory" class="note"></div><div class="note">CPU <span id="cpu"></span></div></div>
</section>
<section class="grid pair">
<div class="card"><h2>Open connections</h2><div class="big"><span id="open">–</span><small id="accepted"></small></div><div id="bar" class="bar"></div><div id="legend" class="legend"></div></div>
<div class="card"><h2>Deadlines that fired</h2><table><tbody id="deadlines"></tbody></table></div>
<div class="card"><h2>Connections ended, by reason</h2><div id="no-reasons" class="zero">none yet</div><table><tbody id="reasons"></tbody></table></div>
</section>
<section class="card"><h2>Connections: <span id="shown"></span></h2>
<div id="table" class="scroll" hidden><table>
<thead><tr><th>client<th>state<th class="n">for<th class="n">age<th class="n">requests<th class="n">received<th class="n">sent<th class="n">rate<th class="n">unsent<th class="n">stalled<th>request</tr></thead>
<tbody id="rows"></tbody></table></div></section>
</main>
<script>${OVERVIEW_SCRIPT}</script>
</body>
</html>
`;
