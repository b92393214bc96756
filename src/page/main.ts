/**
 * The page in the browser: shows each status that comes, says how the link to the server stands, and lets people pause it,
 * give a token and open what the port tells in other forms. Bundled by scripts/bundle.mjs into the page's one script.
 */
import type { Status } from '../observe/status.ts';
import { Charts } from './charts.ts';
import { CountersView } from './counters.ts';
import { at, say, sayAt, showIf } from './elements.ts';
import { Feed, type Link } from './feed.ts';
import { History } from './history.ts';
import { clock, duration, numberOf } from './numbers.ts';
import { OffendersView } from './offenders.ts';
import { SectionsView } from './sections.ts';
import { forgetToken, keepToken, keptToken, takeTokenOfAddress } from './token.ts';
import { TransfersView } from './transfers.ts';

/** A page that nobody sees costs the server nothing. */
const HIDDEN_PAUSE_MS = 20_000;

const past = new History();
const charts = new Charts(past);
const views = [new CountersView(past), new TransfersView(), new OffendersView(), new SectionsView()];
let last: Status | undefined;
let heardAtMs = 0;
let isPaused = false;

const feed = new Feed({ status: show, link: showLink }, keptToken);

function show(status: Status): void {
  last = status;
  heardAtMs = Date.now();
  past.add(status);
  sayAt('url', status.url);
  sayAt('engine', `${status.engine.name} engine`);
  at('engine').title = status.engine.reason;
  sayAt('reason', `Engine ${status.engine.name}: ${status.engine.reason}.`);
  sayAt('workers-count', threads(status));
  sayAt('uptime', `up ${duration(status.uptimeMs)}`);
  sayAt('versions', `Holdfast ${status.version}, Node.js ${status.node}, pid ${status.process.pid}`);
  pill(status.isReady ? 'ready' : 'draining', status.isReady ? 'good' : 'slow');
  document.title = `${status.isReady ? '' : 'draining · '}${new URL(status.url, location.href).host || 'Holdfast'} · Holdfast`;
  charts.show(status);
  for (const view of views) view.show(status);
}

function threads({ workers, workerThreads }: Status): string {
  if (workerThreads === 0 && workers.length === 1) return 'main thread';
  const serving = workers.filter(({ state }) => state === 'serving' || state === 'replacing').length;
  const all = numberOf(workers.length, 'worker');
  return serving === workers.length ? all : `${serving} of ${all}`;
}

function showLink(link: Link, why: string): void {
  document.body.dataset['link'] = link;
  showIf('sign-in', link === 'locked');
  showIf('content', link !== 'locked');
  const isAway = link === 'away' || link === 'starting';
  showIf('away', isAway);
  if (link === 'starting') say(at('away-text'), 'The server is starting.');
  if (link === 'away') {
    const since = last === undefined ? '' : ` since ${clock(heardAtMs)}; what you see is as it was then`;
    say(
      at('away-text'),
      `No word from the server${since}${why === '' ? '' : ` (${why})`}. Trying again by itself.`,
    );
    pill('away', 'bad');
  }
  if (link === 'starting') pill('starting', 'slow');
  if (link === 'paused') pill('paused', 'slow');
  if (link === 'connecting' && last === undefined) pill('connecting', '');
  if (link === 'locked') lock(why);
}

function pill(text: string, tone: string): void {
  const element = at('ready');
  element.className = `pill ${tone}`;
  say(element, text);
}

function lock(why: string): void {
  pill('locked', 'slow');
  sayAt('sign-in-error', why);
  const input = at('token') as HTMLInputElement;
  if (why !== '') {
    forgetToken();
    input.setAttribute('aria-invalid', 'true');
  }
  input.focus();
}

at('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = at('token') as HTMLInputElement;
  keepToken(input.value.trim());
  input.value = '';
  input.removeAttribute('aria-invalid');
  feed.start();
});

at('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  at('pause').setAttribute('aria-pressed', String(isPaused));
  if (isPaused) feed.pause();
  else feed.start();
});

/** With a token a plain link would be refused: the page asks with it, and shows what comes. */
for (const link of document.querySelectorAll<HTMLAnchorElement>('nav a'))
  link.addEventListener('click', (event) => {
    const token = keptToken();
    if (token === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void openWith(token, link.pathname);
  });

async function openWith(token: string, path: string): Promise<void> {
  const response = await fetch(path, { headers: { authorization: `Bearer ${token}` } });
  const type = path === '/metrics' ? 'text/plain;charset=utf-8' : 'application/json';
  const url = URL.createObjectURL(new Blob([await response.text()], { type }));
  open(url, '_blank');
  // The other tab has it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

let hiding: ReturnType<typeof setTimeout> | undefined;
let isResting = false;
document.addEventListener('visibilitychange', () => {
  clearTimeout(hiding);
  if (document.hidden)
    hiding = setTimeout(() => {
      if (isPaused) return;
      isResting = true;
      feed.pause();
    }, HIDDEN_PAUSE_MS);
  else if (isResting) {
    isResting = false;
    feed.start();
  }
});

takeTokenOfAddress();
feed.start();
