/**
 * Main file of a process in a network namespace of its own, where the only link can be taken down. Not imported by anything;
 * link-down.ts starts it, and reads what it says.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartOrder } from '../target/started-server.ts';
import type { Fault } from './fault.ts';
import type { LinkNews } from './link-down.ts';
import { runFault } from './run-fault.ts';

/** Shorter than the deadlines of servers that prove starts; retransmissions come after up to as long again. */
const DOWN_MS = 1500;

const linkDown: Fault = {
  ...{ id: 'link-down', name: `a link that is down for ${DOWN_MS / 1000} s` },
  ...{ recoveryMs: 2 * DOWN_MS, mayFail: true, takesMemory: false },
  async prepare() {
    return {
      changes: {},
      async strike() {
        link('down');
        await sleep(DOWN_MS);
        link('up');
      },
    };
  },
};

function link(state: 'up' | 'down'): void {
  execFileSync('ip', ['link', 'set', 'lo', state]);
}

function say(news: LinkNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

// What is started here ends with this process, which a run that is broken off ends so.
process.once('SIGTERM', () => process.exit(1));
link('up');
await runFault(linkDown, JSON.parse(process.argv[2]!) as StartOrder, {
  signal: new AbortController().signal,
  note: (note) => say({ note }),
  count: (name, by = 1) => say({ count: [name, by] }),
  report: async (sighting) => say({ sighting }),
});
