/**
 * The link goes down and comes up again, in a network namespace of its own: server and clients are in it, so that one command
 * cuts them off from each other. What was on its way is sent again by both kernels.
 */
import { execFileSync, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Sighting } from '../slices/slice.ts';
import type { StartOrder } from '../target/started-server.ts';
import type { World } from './fault.ts';

/** What the process in the namespace is told, and what it says, each a line of JSON. */
export interface LinkNews {
  readonly note?: string;
  readonly count?: readonly [name: string, by: number];
  readonly sighting?: Sighting;
}

const NAMESPACE = ['unshare', '--user', '--map-root-user', '--net'] as const;

/** @returns why it is not to be had here, if it is not */
function whyNot(): string | undefined {
  try {
    execFileSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no network namespace can be had here (unshare, ip)';
  }
}

export async function runLinkDown(
  order: StartOrder,
  { signal, note, count, report }: Pick<World, 'signal' | 'note' | 'count' | 'report'>,
): Promise<void> {
  const why = order.upstreams.length > 0 ? 'what the application reaches is not in a namespace' : whyNot();
  if (why !== undefined) {
    count('faults left out');
    note(`the link down: left out, ${why}`);
    return;
  }
  const main = fileURLToPath(new URL('./link-down-main.js', import.meta.url));
  const [program, ...args] = [...NAMESPACE, process.execPath, main, JSON.stringify(order)];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.on('error', () => {}); // It was broken off.
  const [said, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  for (const line of said.split('\n').filter((each) => each !== '')) {
    const news = JSON.parse(line) as LinkNews;
    if (news.note !== undefined) note(news.note);
    if (news.count !== undefined) count(...news.count);
    if (news.sighting !== undefined) await report(news.sighting);
  }
  if (code !== 0 && !signal.aborted) throw new Error(`in a network namespace: ${errors.trim()}`);
}
