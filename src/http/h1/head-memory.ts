/**
 * Heads that connections have sent before. Clients on a kept connection tend to send the same bytes again:
 * pollers, health checks, proxies, pages that ask one service many times. A head that equals the last one
 * of the same connection, byte for byte, was read then: its parse, its text and its URL still hold, and
 * comparing costs a tenth of reading. Nothing else is ever taken for equal, so what is refused stays refused.
 *
 * A connection's head is compared with its own only. With another's, the time that the comparison takes
 * would tell one client about the headers of another.
 *
 * One table a thread, of fixed size: connections share its places, so an idle connection costs nothing.
 */
import { RequestHeadParser } from '../../protocol/h1/request-head.ts';
import type { HeadRules, ProtocolLimits } from '../../protocol/limits.ts';
import { requestUrl } from '../../web/url.ts';

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

/** Connections beyond that compete for places; a power of two. */
const PLACE_COUNT = 1024;
/** Heads of browsers are of 500 to 1500 bytes; longer ones are read each time. */
const HEAD_BYTES_MAX = 2048;
/** One cache line more than a power of two, so that neighbours do not fall into the same cache set. */
const PLACE_BYTES = HEAD_BYTES_MAX + 64;
/** A head shorter than a word cannot be: `GET / HTTP/1.0` and two line ends are 18 bytes. */
const WORD_BYTES = 4;
/** After so many heads that did not come again, a connection's are kept only now and then. */
const FRUITLESS_MAX = 4;
const RETRY_INTERVAL = 32; // requests; a power of two

/** One head, as it was read. Owned by the table; valid until the connection's next head. */
export class RememberedHead {
  /** The connection's id; 0 for nobody. */
  owner = 0;
  /** Complete: only its results are read. */
  parser: RequestHeadParser;
  /** The head as latin1. */
  text = '';
  /** Made by whoever needs it first. */
  url: string | undefined = undefined;
  /** Where its bytes are in the table's memory. */
  readonly place: number;
  hasComeAgain = false;
  fruitless = 0;

  constructor(place: number, parser: RequestHeadParser) {
    this.place = place;
    this.parser = parser;
  }

  /** The request's URL, absolute and normalised. */
  urlFor(scheme: 'http' | 'https', defaultAuthority: string): string {
    const { targetStart, targetEnd, hostStart, hostEnd } = this.parser;
    return requestUrl(scheme, defaultAuthority, this.text, targetStart, targetEnd, hostStart, hostEnd);
  }
}

export class HeadMemory {
  readonly #limits: ProtocolLimits;
  readonly #rules: HeadRules | undefined;
  readonly #heads: (RememberedHead | null)[] = new Array(PLACE_COUNT).fill(null);
  /** Made for the first connection that sends a second request. */
  #bytes: Uint8Array | null = null;
  #words: DataView | null = null;
  #viewed: Uint8Array | null = null;
  #view: DataView | null = null;

  constructor(limits: ProtocolLimits, rules?: HeadRules) {
    this.#limits = limits;
    this.#rules = rules;
  }

  /**
   * @param owner the connection's id
   * @returns the head that `bytes[at..end)` begins with, if it is the one remembered of this connection. @hot
   */
  recall(owner: number, bytes: Uint8Array, at: number, end: number): RememberedHead | null {
    const head = this.#heads[owner & (PLACE_COUNT - 1)]!;
    if (head === null || head.owner !== owner) return null;
    const length = head.parser.headBytes;
    if (end - at < length) return null;
    if (bytes !== this.#viewed) this.#look(bytes);
    const view = this.#view!;
    const words = this.#words!;
    // Differences are gathered: one branch for four words.
    let mine = head.place | 0;
    let its = at | 0;
    const last = (its + length - WORD_BYTES) | 0;
    for (; its + 12 <= last; its += 16, mine += 16) {
      const difference =
        (view.getInt32(its, true) ^ words.getInt32(mine, true)) |
        (view.getInt32(its + 4, true) ^ words.getInt32(mine + 4, true)) |
        (view.getInt32(its + 8, true) ^ words.getInt32(mine + 8, true)) |
        (view.getInt32(its + 12, true) ^ words.getInt32(mine + 12, true));
      if (difference !== 0) return null;
    }
    for (; its < last; its += WORD_BYTES, mine += WORD_BYTES)
      if (view.getInt32(its, true) !== words.getInt32(mine, true)) return null;
    // The last word overlaps the one before it.
    if (view.getInt32(last, true) !== words.getInt32(head.place + length - WORD_BYTES, true)) return null;
    head.hasComeAgain = true;
    return head;
  }

  /**
   * Keeps the head that `parser` has read whole at `bytes[at..)`, and the parser with it.
   * @param requests how many the connection has sent before
   * @returns the parser to reset and use for the next head: another, if this one was kept
   */
  remember(
    owner: number,
    requests: number,
    parser: RequestHeadParser,
    bytes: Uint8Array,
    at: number,
  ): RequestHeadParser {
    const length = parser.headBytes;
    if (length > HEAD_BYTES_MAX) return parser;
    const index = owner & (PLACE_COUNT - 1);
    let head = this.#heads[index]!;
    if (head === null) {
      head = new RememberedHead(index * PLACE_BYTES, new RequestHeadParser(this.#limits, this.#rules));
      this.#heads[index] = head;
    }
    if (!mayReplace(head, owner, requests)) return parser;
    const memory = (this.#bytes ??= new Uint8Array(PLACE_COUNT * PLACE_BYTES));
    this.#words ??= new DataView(memory.buffer);
    memory.set(bytes.subarray(at, at + length), head.place);
    // Else a place would keep the piece that its head came in.
    parser.forgetBytes();
    const spare = head.parser;
    head.parser = parser;
    head.text = latin1Slice.call(bytes, at, at + length);
    head.url = undefined;
    return spare;
  }

  #look(bytes: Uint8Array): void {
    this.#viewed = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Whether the place may be written anew, and notes that it is. */
function mayReplace(head: RememberedHead, owner: number, requests: number): boolean {
  if (head.owner === owner) {
    head.fruitless = head.hasComeAgain ? head.fruitless >> 1 : head.fruitless + 1;
    if (head.fruitless > FRUITLESS_MAX && (requests & (RETRY_INTERVAL - 1)) !== 0) return false;
  } else if (head.hasComeAgain) {
    // Two connections share this place. One whose head has come again keeps it, until its head fails to come once.
    head.hasComeAgain = false;
    return false;
  } else {
    head.owner = owner;
    head.fruitless = 0;
  }
  head.hasComeAgain = false;
  return true;
}
