/** What is counted by name: states of connections, why they ended, deadlines, how long requests took, and the workers. */
import { DURATION_BOUNDS_SECONDS } from '../observe/duration-histogram.ts';
import type { Status, WorkerStatus } from '../observe/status.ts';
import { at, type Column, KeyedTable, make, say, sayAt, showIf } from './elements.ts';
import { type History, lagOf } from './history.ts';
import { count, milliseconds, numberOf, percent, perSecond } from './numbers.ts';
import { total } from './percentile.ts';

/** In the order of a connection's life, with what each means. */
const STATES: readonly (readonly [name: string, meaning: string])[] = [
  ['accepted', 'nothing has come yet'],
  ['head', 'part of a request’s head has come'],
  ['exchange', 'a request is being answered'],
  ['idle', 'keep-alive, between requests'],
  ['upgraded', 'speaks WebSocket, or another protocol in place of HTTP'],
  ['linger', 'answered for the last time'],
  ['closing', 'the last bytes leave'],
];

const DEADLINES: readonly (readonly [name: string, label: string])[] = [
  ['header', 'header'],
  ['idle', 'idle'],
  ['body', 'body'],
  ['handler', 'handler'],
  ['linger', 'linger'],
  ['stall', 'stall'],
  ['deadPeer', 'dead peer'],
  ['drain', 'drain'],
];

interface Counted {
  readonly name: string;
  readonly all: number;
  /** In the last minute. */
  readonly recent: number | undefined;
}

const COUNTED: readonly Column<Counted>[] = [
  { name: 'name', fill: (cell, { name }) => say(cell, name) },
  {
    name: 'last minute',
    className: 'n',
    fill: (cell, { recent }) => {
      say(cell, count(recent));
    },
  },
  {
    name: 'in all',
    className: 'n',
    fill: (cell, { all }) => {
      cell.parentElement!.classList.toggle('zero', all === 0);
      say(cell, count(all));
    },
  },
];

interface WorkerRow extends WorkerStatus {
  readonly requestsPerSecond: number | null;
  readonly lagMs: number | null;
}

const WORKERS: readonly Column<WorkerRow>[] = [
  { name: 'worker', fill: (cell, { index }) => say(cell, String(index)) },
  {
    name: 'state',
    fill: (cell, { state, isSilent }) => {
      cell.className = isSilent ? 'late' : state === 'serving' ? '' : 'late';
      say(cell, isSilent ? 'does not answer' : state);
    },
  },
  { name: 'connections', className: 'n', fill: (cell, { open }) => say(cell, count(open)) },
  {
    name: 'requests/s',
    className: 'n',
    fill: (cell, { requestsPerSecond }) => say(cell, perSecond(requestsPerSecond)),
  },
  { name: 'lag p99', className: 'n', fill: (cell, { lagMs }) => say(cell, milliseconds(lagMs)) },
];

interface Bucket {
  readonly label: string;
  readonly requests: number;
  readonly share: number;
}

const BUCKETS: readonly Column<Bucket>[] = [
  { name: 'took at most', fill: (cell, { label }) => say(cell, label) },
  {
    name: 'requests',
    className: 'bars',
    fill: (cell, { requests, share }) => {
      let [bar, amount] = [...cell.children] as HTMLElement[];
      if (bar === undefined || amount === undefined) {
        bar = make('span', 'bar');
        bar.setAttribute('aria-hidden', 'true');
        amount = make('span', 'amount');
        cell.append(bar, amount);
      }
      bar.style.width = `${share === 0 ? 0 : Math.max(0.6, share * 72).toFixed(1)}%`;
      cell.classList.toggle('zero', requests === 0);
      say(amount, count(requests));
    },
  },
];

export class CountersView {
  readonly #history: History;
  readonly #reasons = new KeyedTable(at('reasons-table'), COUNTED, ({ name }) => name);
  readonly #deadlines = new KeyedTable(at('deadlines-table'), COUNTED, ({ name }) => name);
  readonly #workers = new KeyedTable(at('workers-table'), WORKERS, ({ index }) => String(index));
  readonly #buckets = new KeyedTable(at('histogram-table'), BUCKETS, ({ label }) => label);

  constructor(history: History) {
    this.#history = history;
  }

  show(status: Status): void {
    const minuteAgo = this.#history.ago(60);
    this.#showStates(status);
    const reasons = Object.entries(status.closeReasons).sort(([, a], [, b]) => b - a);
    showIf('reasons-none', reasons.length === 0);
    showIf('reasons-table', reasons.length > 0);
    this.#reasons.fill(
      reasons.map(([name, all]) => ({
        name,
        all,
        recent: since(all, minuteAgo?.closeReasons[name] ?? 0, minuteAgo),
      })),
    );
    this.#deadlines.fill(
      DEADLINES.map(([name, label]) => {
        const all = status.deadlines[name] ?? 0;
        return { name: label, all, recent: since(all, minuteAgo?.deadlines[name] ?? 0, minuteAgo) };
      }),
    );
    this.#showWorkers(status);
    this.#showDurations();
  }

  #showStates({ states, open }: Status): void {
    const bar = at('states-bar');
    const list = at('states');
    STATES.forEach(([name, meaning], i) => {
      const part = (bar.children[i] ?? bar.appendChild(make('span', name))) as HTMLElement;
      const share = open === 0 ? 0 : (states[name] ?? 0) / open;
      part.style.flex = share === 0 ? '0 0 0' : `${share} 0 3px`;
      let item = list.children[i] as HTMLElement | undefined;
      if (item === undefined) {
        item = make('div');
        const term = make('dt');
        const dot = make('i', `dot ${name}`);
        dot.setAttribute('aria-hidden', 'true');
        term.append(dot, name, make('span', 'meaning', meaning));
        item.append(term, make('dd'));
        list.append(item);
      }
      item.classList.toggle('zero', share === 0);
      say(item.lastElementChild as HTMLElement, count(states[name] ?? 0));
    });
  }

  #showWorkers({ workers, workerThreads }: Status): void {
    sayAt(
      'workers-note',
      workerThreads === 0 ? 'The main thread serves by itself.' : 'Threads that share the port.',
    );
    const before = this.#history.ago(5);
    const now = this.#history.ago(0);
    const seconds = before === undefined || now === undefined ? 0 : (now.uptimeMs - before.uptimeMs) / 1000;
    this.#workers.fill(
      workers.map((worker) => {
        const old = before?.workers.find(({ index }) => index === worker.index);
        const isKnown = old !== undefined && seconds > 0;
        return {
          ...worker,
          requestsPerSecond: isKnown ? Math.max(0, worker.requests - old.requests) / seconds : null,
          lagMs: isKnown ? lagOf(worker.loopLag.counts, old.loopLag.counts) : null,
        };
      }),
    );
  }

  #showDurations(): void {
    const durations = this.#history.durations();
    const counts = durations?.counts ?? [];
    const all = total(counts);
    showIf('histogram-none', all === 0);
    showIf('histogram-table', all > 0);
    if (durations === undefined || all === 0) {
      sayAt('histogram-note', '');
      return;
    }
    const most = Math.max(...counts);
    const last = DURATION_BOUNDS_SECONDS.length;
    const rows = counts.map((requests, i) => ({
      label: i === last ? 'more' : milliseconds(DURATION_BOUNDS_SECONDS[i]! * 1000),
      requests,
      share: requests / most,
    }));
    // Buckets beyond both ends say nothing; one of each shows that it is the end.
    const from = Math.max(0, counts.findIndex((value) => value > 0) - 1);
    const to = Math.min(last, counts.findLastIndex((value) => value > 0) + 1);
    this.#buckets.fill(rows.slice(from, to + 1));
    const fast = counts.slice(0, SECOND_BUCKET + 1).reduce((sum, value) => sum + value, 0);
    sayAt(
      'histogram-note',
      `${numberOf(all, 'request')} in the last ${durations.seconds} s; ${percent(fast / all)} within a second.`,
    );
  }
}

const SECOND_BUCKET = DURATION_BOUNDS_SECONDS.indexOf(1);

function since(all: number, before: number, minuteAgo: Status | undefined): number | undefined {
  return minuteAgo === undefined ? undefined : Math.max(0, all - before);
}
