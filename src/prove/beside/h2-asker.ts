/**
 * A good client of HTTP/2 with one connection, by Node's own implementation: what is judged beside an attack is the server, and
 * whoever reads its frames has to be somebody whom others trust.
 */
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Target } from '../target/target.ts';

interface Asked {
  readonly status: number;
  /** Status, length and digest of the content: the same for the same answer. */
  readonly answer: string;
  /** Why no whole answer came. */
  readonly failure: string | undefined;
}

export class H2Asker {
  wasToldToGo = false;
  readonly #session: ClientHttp2Session;
  readonly #target: Target;
  readonly #timeoutMs: number;

  constructor(target: Target, timeoutMs: number) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#session = connectH2(target);
    this.#session.on('goaway', () => (this.wasToldToGo = true));
    this.#session.on('error', () => {}); // The request that waits says so.
  }

  get isEnded(): boolean {
    return this.#session.closed || this.#session.destroyed || this.wasToldToGo;
  }

  ask(): Promise<Asked> {
    return new Promise((resolve) => {
      const fail = (failure: string): void => resolve({ status: 0, answer: '', failure });
      if (this.#session.destroyed) return fail('no connection');
      const { authority, paths } = this.#target;
      const stream = this.#session.request({ ':path': paths.small, ':authority': authority });
      const digest = createHash('sha1');
      let [status, bytes] = [0, 0];
      stream.setTimeout(this.#timeoutMs, () => stream.close());
      stream.on('response', (head) => (status = Number(head[':status'])));
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
        digest.update(piece);
      });
      stream.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      stream.on('end', () => {
        if (status !== 0 && stream.rstCode === 0)
          resolve({
            status,
            answer: `${status} with ${bytes} bytes (${digest.digest('hex').slice(0, 8)})`,
            failure: undefined,
          });
      });
      stream.on('close', () =>
        fail(stream.rstCode === 0 ? 'no answer in time' : `reset with code ${stream.rstCode}`),
      );
    });
  }

  async end(): Promise<void> {
    this.#session.destroy();
  }
}

/** By prior knowledge in the clear, by ALPN over TLS; nobody looks at the certificate. */
export function connectH2({ address, port, isSecure, authority }: Target): ClientHttp2Session {
  const host = address.includes(':') ? `[${address}]` : address;
  const servername = authority.replace(/:\d+$/, '');
  const isName = /[a-z]/i.test(servername) && !servername.includes(':');
  return connect(`${isSecure ? 'https' : 'http'}://${host}:${port}`, {
    rejectUnauthorized: false,
    ...(isName ? { servername } : {}),
  });
}
