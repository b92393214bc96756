/** What happened in a run, for people and for comparing: the bytes of each connection, the server's rows, and a hash of all. */
import { createHash } from 'node:crypto';
import type { SimLink } from '../engine/sim/link.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';

export interface RecordedConnection {
  readonly link: number;
  readonly client: string;
  /** Base64, whole and in order. */
  toServer: string;
  toClient: string;
}

export class Recording {
  readonly connections: RecordedConnection[] = [];
  /** They are those of the first finding. */
  rows: readonly ConnectionRow[] = [];
  readonly #hash = createHash('sha256');
  readonly #bytes: { readonly up: Uint8Array[]; readonly down: Uint8Array[] }[] = [];

  /** A line of the trace. */
  line(text: string): void {
    this.#hash.update(`${text}\n`);
  }

  /** Before the link has carried anything. */
  watch(link: SimLink, client: string): void {
    const bytes = { up: [] as Uint8Array[], down: [] as Uint8Array[] };
    for (const way of ['up', 'down'] as const) {
      const send = link[way].send.bind(link[way]);
      link[way].send = (sent) => {
        bytes[way].push(sent.slice());
        send(sent);
      };
    }
    this.#bytes.push(bytes);
    this.connections.push({ link: link.id, client, toServer: '', toClient: '' });
  }

  /** The run is over. */
  end(): void {
    for (const [index, connection] of this.connections.entries()) {
      const { up, down } = this.#bytes[index]!;
      connection.toServer = Buffer.concat(up).toString('base64');
      connection.toClient = Buffer.concat(down).toString('base64');
    }
  }

  /** Once, at the end. */
  hash(): string {
    return this.#hash.digest('hex');
  }
}
