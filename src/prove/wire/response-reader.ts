/**
 * Reads responses from a stream of bytes: the oracle's own reader, short and strict, sharing nothing with
 * the protocol room, so that an error there cannot agree with itself here.
 */

export interface ResponseSink {
  /** Whether the next final response answers a HEAD request: RFC 9112 §6.3. */
  readonly answersHead: boolean;
  /** `fields` by name in lower case; a repeated one is joined by a comma. */
  onHead(status: number, minor: number, fields: ReadonlyMap<string, string>): void;
  /** Borrowed during the call. */
  onBody(bytes: Uint8Array, start: number, end: number): void;
  /** The response is whole; interim ones have no end of their own. */
  onEnd(): void;
  onNonsense(what: string): void;
}

const HEAD = 0;
const LENGTH = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const CHUNK_END = 4;
const LAST_END = 5;
const UNTIL_CLOSE = 6;
const BROKEN = 7;

const HEAD_END = '\r\n\r\n';
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\0\r\n]*)$/;

export class ResponseReader {
  readonly #sink: ResponseSink;
  #state = HEAD;
  #text = '';
  #left = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** No response is half read. */
  get isBetween(): boolean {
    return this.#state === HEAD && this.#text === '';
  }

  /** The body ends with the connection. */
  get isUntilClose(): boolean {
    return this.#state === UNTIL_CLOSE;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && this.#state !== BROKEN) {
      if (this.#state === HEAD) at = this.#readHead(bytes, at, end);
      else if (this.#state === LENGTH || this.#state === CHUNK_DATA) at = this.#readData(bytes, at, end);
      else if (this.#state === UNTIL_CLOSE) {
        this.#sink.onBody(bytes, at, end);
        at = end;
      } else at = this.#readLine(bytes, at, end);
    }
  }

  /** The connection ends in order. */
  finish(): void {
    if (this.#state !== UNTIL_CLOSE) return;
    this.#state = HEAD;
    this.#sink.onEnd();
  }

  #readHead(bytes: Uint8Array, at: number, end: number): number {
    const before = this.#text.length;
    this.#text += latin1(bytes, at, end);
    const length = this.#text.indexOf(HEAD_END, Math.max(0, before - 3));
    if (length === -1) return end;
    const head = this.#text.slice(0, length);
    this.#text = '';
    this.#head(head);
    return at + length + HEAD_END.length - before;
  }

  #head(head: string): void {
    const lines = head.split('\r\n');
    const status = /^HTTP\/1\.([01]) ([1-5]\d\d) [\t\x20-\x7e]*$/.exec(lines[0]!);
    if (status === null) {
      this.#nonsense(`a status line of ${JSON.stringify(lines[0]!.slice(0, 60))}`);
      return;
    }
    const fields = new Map<string, string>();
    for (let i = 1; i < lines.length; i++) {
      const field = FIELD.exec(lines[i]!);
      if (field === null) {
        this.#nonsense(`a field line of ${JSON.stringify(lines[i]!.slice(0, 60))}`);
        return;
      }
      const name = field[1]!.toLowerCase();
      const former = fields.get(name);
      fields.set(name, former === undefined ? field[2]! : `${former}, ${field[2]!}`);
    }
    this.#frame(Number(status[2]), Number(status[1]), fields);
  }

  /** RFC 9112 §6.3 */
  #frame(status: number, minor: number, fields: Map<string, string>): void {
    const length = fields.get('content-length');
    const coding = fields.get('transfer-encoding');
    if (length !== undefined && coding !== undefined) {
      this.#nonsense('both Content-Length and Transfer-Encoding');
      return;
    }
    if (length !== undefined && !/^\d+$/.test(length)) {
      this.#nonsense(`a Content-Length of ${length}`);
      return;
    }
    if ((status < 200 || status === 204) && (length !== undefined || coding !== undefined)) {
      this.#nonsense(`framing fields with ${status}`);
      return;
    }
    const hasNone = status < 200 || status === 204 || status === 304 || this.#sink.answersHead;
    this.#sink.onHead(status, minor, fields);
    if (status < 200) return;
    if (hasNone) this.#sink.onEnd();
    else if (coding === 'chunked') this.#state = CHUNK_SIZE;
    else if (length !== undefined) {
      this.#left = Number(length);
      if (this.#left === 0) this.#sink.onEnd();
      else this.#state = LENGTH;
    } else this.#state = UNTIL_CLOSE;
  }

  #readData(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(this.#left, end - at);
    this.#left -= size;
    this.#sink.onBody(bytes, at, at + size);
    if (this.#left === 0) {
      if (this.#state === CHUNK_DATA) this.#state = CHUNK_END;
      else {
        this.#state = HEAD;
        this.#sink.onEnd();
      }
    }
    return at + size;
  }

  /** A chunk's size, the line end after its data, or the empty line at the end. We send no trailers. */
  #readLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#text.endsWith('\r\n')) this.#text += String.fromCharCode(bytes[at++]!);
    if (!this.#text.endsWith('\r\n')) return at;
    const line = this.#text.slice(0, -2);
    this.#text = '';
    if (this.#state === CHUNK_SIZE) {
      if (!/^[0-9a-fA-F]{1,8}$/.test(line)) this.#nonsense(`a chunk size of ${JSON.stringify(line)}`);
      else {
        this.#left = Number.parseInt(line, 16);
        this.#state = this.#left === 0 ? LAST_END : CHUNK_DATA;
      }
    } else if (line !== '') this.#nonsense(`${JSON.stringify(line)} after a chunk`);
    else if (this.#state === CHUNK_END) this.#state = CHUNK_SIZE;
    else {
      this.#state = HEAD;
      this.#sink.onEnd();
    }
    return at;
  }

  #nonsense(what: string): void {
    this.#state = BROKEN;
    this.#sink.onNonsense(what);
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
