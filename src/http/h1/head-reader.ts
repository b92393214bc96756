/**
 * The one owner of a thread's head parsers. A connection that stands in no head reads with the parser that all share; one
 * whose head is not whole takes a parser along, which stays where it stands until more comes: a head that drips in
 * costs time in its bytes, once. What has been read whole may be remembered, parser and all.
 */
import { RequestHeadParser } from '../../protocol/h1/request-head.ts';
import type { HeadRules, ProtocolLimits } from '../../protocol/limits.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import { HeadMemory, type RememberedHead } from './head-memory.ts';

/** Parsers that came back and wait for the next slow head. */
const SPARES_MAX = 32;

export class HeadReader {
  readonly #limits: ProtocolLimits;
  readonly #rules: HeadRules | undefined;
  readonly #memory: HeadMemory;
  #shared: RequestHeadParser;
  readonly #spares: RequestHeadParser[] = [];

  constructor(limits: ProtocolLimits, rules?: HeadRules) {
    this.#limits = limits;
    this.#rules = rules;
    this.#memory = new HeadMemory(limits, rules);
    this.#shared = new RequestHeadParser(limits, rules);
  }

  /** The head that `bytes[at..end)` begins with, if the connection `owner` has sent the same before. @hot */
  recall(owner: number, bytes: Uint8Array, at: number, end: number): RememberedHead | null {
    return this.#memory.recall(owner, bytes, at, end);
  }

  /**
   * The shared parser, for the next head of a connection that stands in none. Reset here and not when it has done its
   * work: an exception on the way leaves nothing for the next head to be read with. @hot
   */
  fresh(): RequestHeadParser {
    const parser = this.#shared;
    parser.reset();
    return parser;
  }

  /** The shared parser, which stands in the middle of a head, is the connection's from now on. */
  giveAway(): RequestHeadParser {
    const parser = this.#shared;
    this.#shared = this.#spares.pop() ?? new RequestHeadParser(this.#limits, this.#rules);
    return parser;
  }

  /** A connection needs the parser no more that it was given. */
  takeBack(parser: RequestHeadParser): void {
    if (this.#spares.length >= SPARES_MAX) return;
    // Else it would keep the piece that its head came in.
    parser.forgetBytes();
    this.#spares.push(parser);
  }

  /**
   * The head that the shared parser has read whole at `bytes[at..)` may come again on the connection.
   * @param requests how many the connection has sent before
   */
  remember(owner: number, requests: number, bytes: Uint8Array, at: number): void {
    this.#shared = this.#memory.remember(owner, requests, this.#shared, bytes, at);
  }

  /** @returns undefined where it depends on who sent the head, too @hot */
  urlOf(head: RememberedHead, host: ExchangeHost): string | undefined {
    if (host.proxies !== undefined) return undefined;
    return (head.url ??= head.urlFor(host.scheme, host.defaultAuthority));
  }
}
