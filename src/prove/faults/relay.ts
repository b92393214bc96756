/** Passes bytes between whoever connects to it and a service, and can be gone (resets, refuses) or silent (takes, and says nothing). */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type RelayState = 'there' | 'gone' | 'silent';

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'redis:': 6379,
  'http:': 80,
  'https:': 443,
  'nats:': 4222,
};

export class Relay {
  readonly url: string;
  cutCount = 0;
  readonly #server: Server;
  readonly #port: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: RelayState = 'there';

  private constructor(url: URL, server: Server) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    const here = new URL(url);
    here.host = `127.0.0.1:${this.#port}`;
    this.url = here.href;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || DEFAULT_PORTS[url.protocol] || 0;
    server.on('connection', (near: Socket) => this.#join(near, connect(port, host)));
  }

  static async open(url: URL): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(url, server);
  }

  become(state: RelayState): void {
    this.#state = state;
    if (state === 'gone') {
      this.#server.close();
      this.#cut();
    }
    // What was said meanwhile is lost, as it is behind a firewall that forgets connections.
    if (state === 'there') this.#cut();
    if (state === 'there' && !this.#server.listening) this.#server.listen(this.#port, '127.0.0.1');
  }

  async close(): Promise<void> {
    this.#cut();
    this.#server.close();
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes: Buffer) => {
        if (this.#state === 'there') to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => {});
      from.on('close', (hadError) => {
        // In order, the other side still has to send what it was given.
        if (hadError) to.destroy();
        if (near.destroyed && far.destroyed) this.#pairs.delete(pair);
      });
    }
  }

  #cut(): void {
    for (const [near, far] of this.#pairs) {
      this.cutCount++;
      near.resetAndDestroy();
      far.destroy();
    }
    this.#pairs.clear();
  }
}
