/**
 * Runs in a child process: an engine that says hello to every peer. A line of JSON on stdout when it
 * listens; a line with its state for each line on stdin.
 */
import type { SysError } from '../../base/errors.ts';
import type { EngineConnection, EngineHandler } from '../engine.ts';
import { type CreateEngine, write } from './harness.contract.ts';

/**
 * `unref`: listen, then let go, so that the process ends by itself. `inherit`: listen on descriptor 3.
 * `connect`: do not listen, connect to a port, and let go at the first bytes. `throw`: answer each byte by one, and
 * throw from every callback, into a process that goes on.
 */
export type ChildMode = 'listen' | 'inherit' | 'unref' | 'connect' | 'throw';

export interface ChildState {
  readonly cpuMs: number;
  readonly open: number;
  readonly acceptPauses: number;
  /** Code of the error that accepting is paused for; empty when it is not. */
  readonly paused: string;
  /** What has come to `uncaughtException`. */
  readonly thrown: number;
}

const [, , moduleUrl = '', createName = '', mode = 'listen', connectTo = ''] = process.argv;
const { [createName]: create } = (await import(moduleUrl)) as Record<string, CreateEngine>;
let paused = '';
let thrown = 0;
process.on('uncaughtException', (error) => {
  if (error !== THROWN) throw error;
  thrown++;
});
const THROWN = new Error('thrown from a callback');
const throwing: EngineHandler = {
  onAccept: fail,
  onReceive(conn, _bytes, start, end) {
    write(conn, 'y'.repeat(end - start));
    fail();
  },
  onDrained: fail,
  onPeerEnd(conn) {
    conn.setDeadline(engine.nowMs + 1);
    fail();
  },
  onDeadline(conn) {
    conn.close('answered');
    fail();
  },
  onClosed: fail,
};
const greeting: EngineHandler = {
  onAccept: (conn: EngineConnection) => write(conn, 'hello'),
  onConnect: (conn: EngineConnection) => say({ connected: conn.remoteAddress() }),
  onReceive() {
    if (mode === 'connect') engine.unref();
  },
  onDrained() {},
  onPeerEnd: (conn: EngineConnection) => conn.close('peer ended'),
  onDeadline() {},
  onClosed() {},
  onAcceptPaused(error: SysError | undefined) {
    paused = error?.code ?? '';
  },
};
const engine = await create!({ handler: mode === 'throw' ? throwing : greeting });
if (mode === 'connect') {
  engine.connect({ family: 'IPv4', address: '127.0.0.1', port: Number(connectTo) });
} else {
  const listener = await engine.listen(mode === 'inherit' ? { fd: 3 } : { port: 0, hostname: '127.0.0.1' });
  say({ listening: listener.address });
}
if (mode === 'unref') engine.unref();
if (mode === 'listen' || mode === 'inherit' || mode === 'throw') {
  process.stdin.on('data', () => {
    const { user, system } = process.cpuUsage();
    const { open, acceptPauses } = engine.stats();
    const state: ChildState = { cpuMs: (user + system) / 1000, open, acceptPauses, paused, thrown };
    say(state);
  });
}

function fail(): never {
  throw THROWN;
}

function say(words: object): void {
  process.stdout.write(`${JSON.stringify(words)}\n`);
}
