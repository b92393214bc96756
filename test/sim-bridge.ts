/**
 * The simulated engine behind a real port of the loopback, for clients that need one: each socket is tied to a peer of the
 * simulated network, and its clock follows the real one. What the server does there is what it does in a simulation.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '#src/base/random.ts';
import { NO_FAULTS } from '#src/engine/sim/faults.ts';
import { SimNetwork } from '#src/engine/sim/network.ts';
import type { PeerHandler, SimPeer } from '#src/engine/sim/peer.ts';
import { SimEngine } from '#src/engine/sim/sim-engine.ts';
import { checkOptions, type ServeOptions } from '#src/server/options.ts';
import { ServerThread } from '#src/server/server-thread.ts';
import { quiet } from './quiet-logger.ts';

const RECEIVE_BUFFER_BYTES = 1 << 20;

/** A real socket's other end. */
class Tie implements PeerHandler {
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  onConnect(): void {}

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  onEnd(): void {
    this.#socket.end();
  }

  onReset(): void {
    this.#socket.resetAndDestroy();
  }
}

function tie(socket: net.Socket, network: SimNetwork, port: number): void {
  const peer = network.connect({ port, receiveBufferBytes: RECEIVE_BUFFER_BYTES }, new Tie(socket));
  socket.on('data', (bytes) => peer.write(bytes, 0, bytes.length));
  socket.on('end', () => peer.end());
  socket.on('error', () => peer.reset());
  socket.on('close', () => peer.destroy());
}

export interface SimServer {
  readonly port: number;
  /** Everything is over, and nothing is left of it. */
  close(): Promise<{ readonly connectionsLeft: number; readonly deadlinesLeft: number }>;
}

export async function serveOnSim(
  options: ServeOptions & { fetch: NonNullable<ServeOptions['fetch']> },
): Promise<SimServer> {
  const settings = checkOptions(options);
  const { fetch } = options;
  const thread = new ServerThread({
    fetch,
    error: undefined,
    settings,
    logger: quiet,
    accessLog: undefined,
    scheme: 'http',
  });
  const network = new SimNetwork(new SeededRandom(1), NO_FAULTS);
  const keepAlive = { idleSeconds: 60, intervalSeconds: 10, probes: 6 };
  const engine = new SimEngine(network, { handler: thread, keepAlive });
  thread.attach(engine);
  const listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const server = net.createServer({ allowHalfOpen: true }, (socket) =>
    tie(socket, network, listener.address.port),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const beganMs = performance.now() - network.nowMs;
  let isOpen = true;
  const clock = (async () => {
    while (isOpen) {
      let isNow = false;
      network.at(performance.now() - beganMs, { fire: () => (isNow = true) });
      await network.run(() => isNow);
      await sleep(1);
    }
  })();
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      isOpen = false;
      await clock;
      server.close();
      void engine.close();
      await network.run(() => false);
      return { connectionsLeft: engine.connectionCount, deadlinesLeft: engine.linkedDeadlines };
    },
  };
}
