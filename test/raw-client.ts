/** A client that writes bytes and reads bytes: the tests decide what is HTTP. */
import { connect, type Socket } from 'node:net';

export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  ended = false;
  closed = false;
  error: Error | undefined;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => {
      this.received = Buffer.concat([this.received, data]);
      this.#notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#notify();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.#notify();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#notify();
    });
  }

  static async open(
    port: number,
    options: { allowHalfOpen?: boolean; host?: string } = {},
  ): Promise<RawClient> {
    const socket = connect({
      port,
      host: options.host ?? '127.0.0.1',
      allowHalfOpen: options.allowHalfOpen ?? true,
      noDelay: true,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  write(data: string | Uint8Array): void {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Waits until `condition` holds; fails with what has been received. */
  async until(condition: (client: this) => boolean, what: string, timeoutMs = 5000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition(this)) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `timed out waiting for ${what}; received ${JSON.stringify(this.text.slice(0, 2000))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /**
   * Whether the connection, which has ended, did so by a reset. libuv takes a reset that it hears of together with
   * the last bytes for FIN; who writes then is told the truth.
   */
  wasReset(): Promise<boolean> {
    if (!this.ended)
      return Promise.resolve((this.error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET');
    return new Promise((resolve) => this.socket.write('x', (error) => resolve(error instanceof Error)));
  }

  /** The next complete response with a Content-Length or none, removed from what was received. */
  async response(options: { head?: boolean } = {}): Promise<RawResponse> {
    await this.until((c) => c.received.includes('\r\n\r\n') || c.closed || c.ended, 'a response head');
    const end = this.received.indexOf('\r\n\r\n');
    if (end === -1)
      throw new Error(
        `connection closed without a response: ${JSON.stringify(this.text)} ${this.error ?? ''}`,
      );
    const [statusLine, ...lines] = this.received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const status = Number(statusLine!.split(' ')[1]);
    const bodiless = options.head === true || status < 200 || status === 204 || status === 304;
    const length = bodiless ? 0 : Number(headers.get('content-length') ?? 0);
    if (!bodiless && headers.get('transfer-encoding') === 'chunked') {
      await this.until((c) => c.received.indexOf('0\r\n\r\n', end + 4) !== -1 || c.closed, 'the last chunk');
      const last = this.received.indexOf('0\r\n\r\n', end + 4);
      const body = dechunk(this.received.subarray(end + 4, last));
      this.received = this.received.subarray(last + 5);
      return { statusLine: statusLine!, status, headers, body };
    }
    await this.until((c) => c.received.length >= end + 4 + length || c.closed, `a body of ${length} bytes`);
    const body = this.received.subarray(end + 4, end + 4 + length).toString('latin1');
    this.received = this.received.subarray(end + 4 + length);
    return { statusLine: statusLine!, status, headers, body };
  }

  destroy(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const wake of waiting) wake();
  }
}

export interface RawResponse {
  readonly statusLine: string;
  readonly status: number;
  readonly headers: Map<string, string>;
  readonly body: string;
}

function dechunk(bytes: Buffer): string {
  let at = 0;
  let body = '';
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    body += bytes.subarray(lineEnd + 2, lineEnd + 2 + size).toString('latin1');
    at = lineEnd + 2 + size + 2;
  }
  return body;
}

/** The body of the answer to one request on a connection of its own. */
export async function get(port: number, path: string): Promise<string> {
  const client = await RawClient.open(port);
  try {
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    return (await client.response()).body;
  } finally {
    client.destroy();
  }
}

/** Whether nobody listens there. */
export const isRefused = (port: number): Promise<boolean> =>
  RawClient.open(port).then(
    (client) => {
      client.destroy();
      return false;
    },
    () => true,
  );
