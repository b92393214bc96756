/** A layer above that does anything at any moment, and clients on sockets that do so too: for traces that nobody would have thought of. */
import type { SeededRandom } from '../../base/random.ts';
import type { EngineConnection } from '../engine.ts';
import { type Client, fill, type Plan, type Stage, sleep, type Watched } from './harness.contract.ts';

/** All that clients do, they do within this. */
const ACTS_MS = 400;
const ACTS = 6;
const CLIENTS = 12;

/** @param nowMs the engine's clock */
export function anything(random: SeededRandom, nowMs: () => number): Plan {
  const act = (conn: EngineConnection): void => {
    switch (random.int(12)) {
      case 0:
        conn.close('by chance');
        break;
      case 1:
        conn.reset('by chance');
        break;
      case 2:
        conn.shutdownWrite();
        break;
      case 3:
        conn.pauseReading();
        break;
      case 4:
      case 5:
        conn.resumeReading();
        break;
      case 6:
        conn.setDeadline(nowMs() + random.int(300) - 5);
        break;
      case 7:
        fill(conn, random.int(100_000) + 1, 66);
        // Whoever sees that bytes wait is told when none do.
        void conn.unsentBytes;
        break;
      default:
        fill(conn, random.int(100_000) + 1, 66);
    }
  };
  return {
    onAccept: act,
    onReceive: (conn) => act(conn),
    onDrained: act,
    onPeerEnd: act,
    onDeadline(conn) {
      conn.resumeReading();
      act(conn);
    },
  };
}

/** Clients over sockets come, and do anything; what they send is told to the watch. */
export async function liveAnyhow(random: SeededRandom, stage: Stage): Promise<void> {
  const ends: Promise<unknown>[] = [];
  for (let count = 1; count <= CLIENTS; count++) {
    const client = await stage.connect();
    const it = (await stage.accepted(count)).at(-1)!;
    stage.watch.tells(it, { what: 'peer-sent', bytes: 0 });
    for (let i = 0; i < ACTS; i++) {
      const delayMs = random.int(ACTS_MS);
      const act = clientAct(random, client, it, stage);
      ends.push(sleep(delayMs).then(act));
    }
  }
  await Promise.all(ends);
}

function clientAct(random: SeededRandom, client: Client, it: Watched, { watch }: Stage): () => void {
  const { socket } = client;
  const what = random.int(10);
  const bytes = random.int(5000) + 1;
  return () => {
    if (socket.destroyed) return;
    if (what === 0 || (what === 2 && socket.writableLength === 0)) {
      watch.tells(it, { what: 'peer-fin' });
      if (what === 0) socket.end();
      else socket.destroy();
    } else if (what <= 2) {
      watch.tells(it, { what: 'peer-reset' });
      socket.resetAndDestroy();
    } else if (what === 3) socket.pause();
    else if (what === 4) socket.resume();
    else if (socket.writable) {
      watch.tells(it, { what: 'peer-sent', bytes });
      socket.write(Buffer.alloc(bytes, 'z'));
    }
  };
}
