/**
 * One request as it will be sent and answered: its bytes, where in the connection's stream its parts end,
 * what the handler will do with it, and what must come back. Both the client and the oracle go by it, so
 * neither has to read HTTP requests.
 */
import type { SeededRandom } from '../base/random.ts';
import { SEND_RESERVE_BYTES_MAX } from '../engine/engine.ts';
import { contentText } from './content.ts';
import { drawFile, type FilePlan } from './file-plan.ts';
import { OVERLONG_CHUNK, OVERLONG_CHUNK_BYTES } from './refusals.ts';
import type { HandlerKind } from './swarm.ts';

/** A fault in the body: which status it gets, if the answer has not begun. */
interface BodyRefusal {
  readonly status: number;
  /** It cannot be seen before this many bytes of the stream have come, and must be seen after so many. */
  readonly fromBytes: number;
  readonly atBytes: number;
}

export interface RequestPlan {
  /** Unique in a run; named by the target, and by `x-id` of the answer. */
  readonly id: number;
  readonly kind: HandlerKind;
  readonly method: string;
  /** The minor version, in HTTP/1. */
  readonly minor: 0 | 1;
  /** The client wants the connection to go on. */
  readonly persists: boolean;
  readonly expectsContinue: boolean;
  /** Decoded. */
  readonly bodyBytes: number;
  /** A bad chunk may begin with good bytes, which are handed over before it is refused. */
  readonly bodyBytesMax: number;
  /** In bytes of the connection's stream, in HTTP/1. `headEnd` is Infinity for a head that never ends. */
  readonly start: number;
  /** Where its request line begins: up to two empty lines may come before. RFC 9112 §2.2 */
  readonly lineStart: number;
  readonly headEnd: number;
  readonly bodyEnd: number;
  /** The status that the head must be refused with. */
  readonly refusal: number | undefined;
  readonly bodyRefusal: BodyRefusal | undefined;
  // What the handler does.
  /** It answers with a part of a file. */
  readonly file: FilePlan | undefined;
  readonly responseBytes: number;
  readonly pieceBytes: number;
  readonly delayMs: number;
  /** The handler names a Content-Length for its stream. */
  readonly namesLength: boolean;
  /** The platform's Response in place of ours. */
  readonly usesPlatform: boolean;
  readonly watchesSignal: boolean;
  /** The handler sends 103 first: RFC 8297. */
  readonly hints: boolean;
  /** The handler leaves work behind by `waitUntil`. */
  readonly leavesWork: boolean;
  /** Fields come behind the request's body, and the handler looks at them: in HTTP/2. */
  readonly hasTrailers: boolean;
  /** The handler sends fields behind its answer: in HTTP/2. */
  readonly sendsTrailers: boolean;
}

/** Answers up to this leave the handler's hands at once, if they are no streams. */
export const DIRECT_BYTES_MAX = SEND_RESERVE_BYTES_MAX - 1024;

/** What a client wants of a request; what is left out is drawn. */
interface RequestWish {
  readonly kind?: HandlerKind;
  readonly method?: string;
  readonly minor?: 0 | 1;
  readonly persists?: boolean;
  readonly expectsContinue?: boolean;
  readonly bodyBytes?: number;
  readonly chunked?: boolean;
  readonly responseBytes?: number;
  readonly delayMs?: number;
  /** The head must be refused with it though it is well-formed: a body that is too large. */
  readonly refusal?: number;
  /** Ends the chunked body with this instead of the last chunk. */
  readonly badChunk?: string;
  readonly badChunkStatus?: number;
}

/** Handlers that want a body to show what they do. */
export const NEEDS_BODY: readonly HandlerKind[] = ['echo', 'echo-stream', 'drink', 'early'];

/** The bytes of one connection as they are put together, and the requests in them. */
export class StreamPlan {
  readonly requests: RequestPlan[] = [];
  #text = '';
  readonly #random: SeededRandom;
  readonly #kinds: readonly HandlerKind[];
  readonly #nextId: () => number;
  readonly #bodyBytesMax: number;

  constructor(
    random: SeededRandom,
    kinds: readonly HandlerKind[],
    bodyBytesMax: number,
    nextId: () => number,
  ) {
    this.#random = random;
    this.#kinds = kinds;
    this.#bodyBytesMax = bodyBytesMax;
    this.#nextId = nextId;
  }

  get length(): number {
    return this.#text.length;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1');
  }

  /** Bytes that belong to no request: what a client sends behind a fault. */
  addNoise(text: string): void {
    this.#text += text;
  }

  /** A head that will not end, or one that must be refused: the last request of a connection. */
  addHead(text: string, refusal: number | undefined): RequestPlan {
    const start = this.length;
    this.#text += text;
    return this.#push({
      start,
      headEnd: refusal === undefined ? Number.POSITIVE_INFINITY : this.length,
      refusal,
    });
  }

  add(wish: RequestWish = {}): RequestPlan {
    const random = this.#random;
    const id = this.#nextId();
    const kind = wish.kind ?? random.pick(this.#kinds);
    const wantsBody = wish.bodyBytes !== undefined || NEEDS_BODY.includes(kind) || random.chance(0.15);
    const method =
      wish.method ??
      (wantsBody ? random.pick(['POST', 'PUT']) : random.pick(['GET', 'GET', 'GET', 'HEAD', 'DELETE']));
    const needs11 = wish.chunked === true || wish.expectsContinue === true;
    const minor = wish.minor ?? (needs11 || random.chance(0.92) ? 1 : 0);
    const bodyBytes = wantsBody
      ? (wish.bodyBytes ?? drawSize(random, Math.min(this.#bodyBytesMax, 60_000)))
      : 0;
    const chunked = wantsBody && minor === 1 && (wish.chunked ?? random.chance(0.5));
    const persists = wish.persists ?? random.chance(0.9);
    const expectsContinue = wish.expectsContinue === true;
    const file = kind === 'file' ? drawFile(random, method) : undefined;
    const start = this.length;
    this.#text += headText({
      range: file?.range,
      id,
      method,
      minor,
      persists,
      expectsContinue,
      chunked,
      bodyBytes,
      wantsBody,
      random,
    });
    const headEnd = this.length;
    if (chunked) this.#addChunks(id, bodyBytes, wish.badChunk !== undefined);
    else if (wish.refusal === undefined) this.#text += contentText(id, bodyBytes);
    const badStart = this.length;
    if (wish.badChunk !== undefined) this.#text += badChunkText(wish.badChunk, id, bodyBytes);
    const tooLong = chunked && bodyBytes > this.#bodyBytesMax;
    let bodyRefusal: BodyRefusal | undefined;
    if (tooLong) bodyRefusal = { status: 413, fromBytes: headEnd + 1, atBytes: this.length };
    else if (wish.badChunk !== undefined) {
      bodyRefusal = { status: wish.badChunkStatus ?? 400, fromBytes: badStart + 1, atBytes: this.length };
    }
    return this.#push({
      id,
      kind,
      method,
      minor,
      persists,
      expectsContinue,
      bodyBytes,
      start,
      headEnd,
      bodyEnd: wish.badChunk === undefined ? this.length : Number.POSITIVE_INFINITY,
      refusal: wish.refusal,
      bodyRefusal,
      file,
      responseBytes: wish.responseBytes,
      delayMs: wish.delayMs,
    });
  }

  #push(known: Omit<KnownPlan, 'id' | 'lineStart'> & { readonly id?: number }): RequestPlan {
    const { start } = known;
    const lineStart = start + /^(\r\n){0,2}/.exec(this.#text.slice(start, start + 4))![0].length;
    const plan = drawPlan(this.#random, { ...known, id: known.id ?? this.#nextId(), lineStart });
    this.requests.push(plan);
    return plan;
  }

  #addChunks(id: number, bodyBytes: number, isOpen: boolean): void {
    const random = this.#random;
    const body = contentText(id, bodyBytes);
    const sizeMax = Math.max(1, Math.ceil(bodyBytes / random.between(1, 8)));
    for (let at = 0; at < bodyBytes; ) {
      const size = Math.min(random.between(1 + (sizeMax >> 2), sizeMax + (sizeMax >> 2)), bodyBytes - at);
      const extension = random.chance(0.1) ? ';name=value' : '';
      this.#text += `${size.toString(16)}${extension}\r\n${body.slice(at, at + size)}\r\n`;
      at += size;
    }
    if (isOpen) return;
    this.#text += random.chance(0.2) ? '0\r\nX-Trailer: end\r\n\r\n' : '0\r\n\r\n';
  }
}

/** Draws what the caller has not settled. */
export function drawPlan(random: SeededRandom, known: KnownPlan): RequestPlan {
  const kind = known.kind ?? 'text';
  const drawn =
    kind === 'text' ? random.int(300) : drawSize(random, kind.startsWith('long') ? 150_000 : 80_000);
  const { file } = known;
  const responseBytes =
    file === undefined ? outsideBorder(known.responseBytes ?? drawn) : file.end - file.start;
  return {
    id: known.id,
    kind,
    method: known.method ?? 'GET',
    minor: known.minor ?? 1,
    persists: known.persists ?? true,
    expectsContinue: known.expectsContinue ?? false,
    bodyBytes: known.bodyBytes ?? 0,
    bodyBytesMax: (known.bodyBytes ?? 0) + (known.bodyRefusal === undefined ? 0 : OVERLONG_CHUNK_BYTES),
    start: known.start,
    lineStart: known.lineStart,
    headEnd: known.headEnd,
    bodyEnd: known.bodyEnd ?? known.headEnd,
    refusal: known.refusal,
    bodyRefusal: known.bodyRefusal,
    file,
    // An error in the midst needs a midst.
    responseBytes: Math.max(responseBytes, kind.startsWith('length') || kind === 'stream-error' ? 2 : 0),
    pieceBytes: Math.max(random.pick([200, 5000, 30_000, 70_000]), Math.ceil(responseBytes / 40)),
    delayMs: known.delayMs ?? random.nextUnit() * random.pick([1, 50, 600]),
    namesLength: random.chance(0.3),
    usesPlatform: random.chance(0.15),
    watchesSignal: random.chance(0.35),
    hints: random.chance(0.1),
    leavesWork: random.chance(0.1),
    hasTrailers: known.hasTrailers ?? false,
    sendsTrailers: known.sendsTrailers ?? false,
  };
}

/** What the caller has settled; the rest is drawn. */
type KnownPlan = Omit<Partial<RequestPlan>, 'responseBytes' | 'delayMs'> & {
  readonly id: number;
  readonly start: number;
  readonly lineStart: number;
  readonly headEnd: number;
  readonly responseBytes?: number | undefined;
  readonly delayMs?: number | undefined;
};

interface HeadFacts {
  readonly range: string | undefined;
  readonly id: number;
  readonly method: string;
  readonly minor: 0 | 1;
  readonly persists: boolean;
  readonly expectsContinue: boolean;
  readonly chunked: boolean;
  readonly wantsBody: boolean;
  readonly bodyBytes: number;
  readonly random: SeededRandom;
}

/** What stands for good bytes in a bad chunk goes on with the body. */
function badChunkText(template: string, id: number, bodyBytes: number): string {
  return template.replace(OVERLONG_CHUNK, contentText(id, bodyBytes + OVERLONG_CHUNK_BYTES).slice(bodyBytes));
}

function headText(facts: HeadFacts): string {
  const { random } = facts;
  let text = `${random.chance(0.05) ? '\r\n' : ''}${facts.method} /r/${facts.id} HTTP/1.${facts.minor}\r\n`;
  text += 'Host: sim\r\n';
  if (random.chance(0.3)) text += `X-Padding: ${'p'.repeat(random.int(500))}\r\n`;
  if (facts.minor === 1 && !facts.persists) text += 'Connection: close\r\n';
  if (facts.minor === 0 && facts.persists) text += 'Connection: keep-alive\r\n';
  if (facts.range !== undefined) text += `Range: ${facts.range}\r\n`;
  if (facts.expectsContinue) text += 'Expect: 100-continue\r\n';
  if (facts.chunked) text += 'Transfer-Encoding: chunked\r\n';
  else if (facts.wantsBody) text += `Content-Length: ${facts.bodyBytes}\r\n`;
  return `${text}\r\n`;
}

/**
 * A body that just fits in one reservation with its head is written at once, one that does not is streamed:
 * the oracle does not count heads, so no answer is planned at that border.
 */
function outsideBorder(size: number): number {
  return size > DIRECT_BYTES_MAX && size <= SEND_RESERVE_BYTES_MAX ? DIRECT_BYTES_MAX : size;
}

/** Mostly small, now and then large. */
export function drawSize(random: SeededRandom, most: number): number {
  return random.int(Math.max(1, random.pick([10, 1000, 1000, 1000, 5000, 20_000, 5000, most]))) % (most + 1);
}
