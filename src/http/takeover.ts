/**
 * How another protocol takes over the connection of an exchange: `Upgrade`, RFC 9110 §7.8. Whoever wants that lays down a
 * Takeover with the exchange, by `offerTakeover`, and the handler returns the Response that it gets for it, whose status is 101.
 * When that is sent, the exchange is over, and the session that `succeed` makes is the connection's.
 */
import type { Response } from '../web/response.ts';
import { STATUS_SWITCHING, switchingResponse } from '../web/switching-response.ts';
import type { AnswerPlan } from './answer-plan.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { ReplacedSession } from './connection-account.ts';
import type { Tunnel, TunnelStream } from './tunnel.ts';

/** The session that comes, as far as the one that goes needs it: an UpgradedSession. */
export interface Successor {
  /** It is the connection's session now: called once, before anything else. */
  begin(): void;
  receive(bytes: Uint8Array, start: number, end: number): void;
  peerEnded(): void;
}

export interface Takeover {
  /** The session writes the answer by itself, whatever that is: nothing has been sent to the client then. */
  readonly isRaw: boolean;
  /**
   * Makes the session that comes in the place of `from`, when the head of the answer has been written. It calls nobody:
   * what it has to say and to send comes in its `begin`.
   */
  succeed(from: ReplacedSession): Successor;
  /** Makes what goes on in the stream that this request came on, where that is an extended CONNECT. Absent where it cannot. */
  tunnel?(stream: TunnelStream): Tunnel;
}

interface TakenExchange {
  readonly sink: AnswerSink;
  readonly takeover: Takeover | undefined;
}

/** An exchange before its answer. */
export interface UnansweredExchange {
  readonly sink: AnswerSink;
  readonly isFinished: boolean;
  readonly status: number;
  readonly body: unknown;
  takeover: Takeover | undefined;
}

/**
 * @param fields of the 101, in lower case: `upgrade`, and what the protocol adds
 * @returns what the handler has to return for it
 * @throws TypeError where the connection cannot change: HTTP/1.0, HTTP/2 but for an extended CONNECT, a request with content, or one that was answered
 */
export function layDownTakeover(
  exchange: UnansweredExchange,
  takeover: Takeover,
  fields: [string, string][],
): Response {
  if (exchange.isFinished || exchange.status !== 0)
    throw new TypeError('the request was answered: its connection cannot change its protocol any more');
  if (exchange.sink.mayChangeProtocol !== true || exchange.body !== null)
    throw new TypeError(
      'only a request of HTTP/1.1 without content, or an extended CONNECT of HTTP/2, can change the protocol',
    );
  if (exchange.sink.opensTunnel === true && takeover.tunnel === undefined)
    throw new TypeError('this protocol cannot be spoken in a stream of HTTP/2');
  exchange.takeover = takeover;
  return switchingResponse(fields);
}

/**
 * Writes the head of an answer, be it one that changes the protocol or not.
 * @returns whether the answer is whole with it
 * @throws what `begin` of a sink throws
 * @hot
 */
export function beginAnswer({ sink, takeover }: TakenExchange, plan: AnswerPlan): boolean {
  if (plan.status !== STATUS_SWITCHING) return sink.begin(plan);
  if (takeover === undefined)
    throw new TypeError('the Response that changes the protocol was made for another request than this one');
  return takeover.isRaw || sink.begin(plan);
}
