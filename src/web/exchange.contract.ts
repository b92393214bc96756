/**
 * A port with no connection behind it: the smallest thing that satisfies `ExchangePort` and
 * `IncomingBody`, for tests and benchmarks. It counts what the contract bounds: reads and cancels.
 */
import {
  createRequest,
  type ExchangePort,
  type ForwardedClient,
  type HoldfastRequest,
  type IncomingBody,
  type RequestHead,
} from './request.ts';

const METHOD_IDS: Record<string, number> = {
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  OPTIONS: 6,
  PATCH: 7,
};

/** Pieces that are given one by one, or all at once where `buffered`. */
export class FakeBody implements IncomingBody {
  readonly contentLength: number | undefined;
  readonly givesPieces = true;
  readonly cancelReasons: unknown[] = [];
  readCount = 0;
  /** What `read` rejects with once the pieces are gone, in place of the end. */
  fault: unknown = undefined;
  readonly #pieces: Uint8Array[];
  readonly #buffered: boolean;

  constructor(pieces: readonly (string | Uint8Array)[], buffered: boolean) {
    this.#pieces = pieces.map((piece) =>
      typeof piece === 'string' ? new TextEncoder().encode(piece) : piece,
    );
    this.#buffered = buffered;
    this.contentLength = this.#pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  }

  takeBuffered(): Uint8Array | undefined {
    if (!this.#buffered) return undefined;
    return new Uint8Array(Buffer.concat(this.#pieces.splice(0)));
  }

  async read(): Promise<Uint8Array | undefined> {
    this.readCount++;
    // Nothing comes at once from a socket.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const piece = this.#pieces.shift();
    if (piece === undefined && this.fault !== undefined) throw this.fault;
    return piece;
  }

  cancel(reason?: unknown): void {
    this.cancelReasons.push(reason);
  }
}

export class FakePort implements ExchangePort {
  scheme: 'http' | 'https' = 'http';
  readonly defaultAuthority: string = 'localhost:8080';
  readonly aborter = new AbortController();
  body: FakeBody | undefined;
  readonly peerIp: string | undefined = '127.0.0.1';
  /** What trusted proxies say. */
  client: ForwardedClient | undefined = undefined;

  forwarded(): ForwardedClient | undefined {
    return this.client;
  }

  abortSignal(): AbortSignal {
    return this.aborter.signal;
  }

  requestBody(): IncomingBody | undefined {
    return this.body;
  }
}

export interface FakeExchange {
  readonly method?: string;
  readonly target?: string;
  /** undefined: none */
  readonly host?: string | undefined;
  readonly fields?: readonly (readonly [string, string])[];
  readonly body?: FakeBody | readonly (string | Uint8Array)[] | string | undefined;
  readonly port?: FakePort;
  /** Characters before the head, as in a pipeline: positions are not offsets. */
  readonly start?: number;
}

/** Writes the head, finds the positions in it, and makes the Request. */
export function fakeRequest(exchange: FakeExchange = {}): HoldfastRequest {
  const { method = 'GET', target = '/', fields = [], port = new FakePort(), start = 7 } = exchange;
  const host = 'host' in exchange ? exchange.host : 'example.com';
  const line = `${'x'.repeat(start)}${method} ${target} HTTP/1.1\r\n`;
  const hostLine = host === undefined ? '' : `Host: ${host}\r\n`;
  const text = `${line}${hostLine}${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const { body } = exchange;
  if (body instanceof FakeBody) port.body = body;
  else if (typeof body === 'string') port.body = new FakeBody([body], true);
  else if (body !== undefined) port.body = new FakeBody(body, false);
  const targetStart = start + method.length + 1;
  const head: RequestHead = {
    methodStart: start,
    method: METHOD_IDS[method] ?? 0,
    methodEnd: start + method.length,
    targetStart,
    targetEnd: targetStart + target.length,
    hostStart: host === undefined ? -1 : line.length + 6,
    hostEnd: host === undefined ? -1 : line.length + 6 + host.length,
    fieldsStart: line.length,
    fieldsEnd: text.length - 2,
    hasContent: port.body !== undefined,
  };
  return createRequest(port, head, text);
}
