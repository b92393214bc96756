/**
 * `context.upgrade()`: what a request that asks for WebSocket is answered with, and what comes behind the answer. A request
 * that asks for nothing of the kind, or not soundly, gets the Response that says so.
 */
import { agreeOnDeflate } from '../../protocol/websocket/deflate-offer.ts';
import {
  acceptOf,
  type Handshake,
  type HandshakeRefusal,
  readHandshake,
  WEBSOCKET_VERSION,
} from '../../protocol/websocket/handshake.ts';
import { fieldName, fieldValue } from '../../web/field-rules.ts';
import { Response } from '../../web/response.ts';
import type { UpgradeOptions } from '../../web/websocket.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import { layDownTakeover, type UnansweredExchange } from '../takeover.ts';
import { fieldPairs } from '../trailers.ts';
import { WebSocketSession } from './session.ts';
import { StreamWire } from './stream-wire.ts';
import type { WebSocketThread } from './thread.ts';

const PROTOCOL_FIELD = 'sec-websocket-protocol';
/** Fields that the handshake is made of: not the program's to give. */
const OWN_FIELDS = new Set(['upgrade', 'connection', 'sec-websocket-accept', 'sec-websocket-extensions']);

/** What asks for it. */
export interface AskingExchange extends ExchangeRecord, UnansweredExchange {
  readonly host: ExchangeHost;
}

/**
 * @returns what the handler has to return
 * @throws TypeError for options that cannot be, and where the connection cannot change any more
 */
export function upgradeToWebSocket(
  exchange: AskingExchange,
  thread: WebSocketThread,
  options: UpgradeOptions,
): Response {
  const { request } = exchange;
  const isStream = exchange.sink.opensTunnel === true;
  const handshake = readHandshake(exchange.methodName, request.headers, isStream);
  if ('status' in handshake) return refusal(handshake);
  const fields: [string, string][] = [];
  if (handshake.key !== undefined)
    fields.push(['upgrade', 'websocket'], ['sec-websocket-accept', acceptOf(handshake.key, thread.sha1)]);
  let { protocol } = options;
  for (const [name, value] of fieldPairs(options.headers ?? {})) {
    const key = fieldName(name);
    if (OWN_FIELDS.has(key))
      throw new TypeError(`upgrade: the field ${JSON.stringify(key)} is the server's to write`);
    if (key === PROTOCOL_FIELD) protocol ??= value;
    else fields.push([key, fieldValue(value)]);
  }
  const chosen = chosenProtocol(handshake, protocol);
  if (chosen !== '') fields.push([PROTOCOL_FIELD, chosen]);
  const deflate = thread.settings.compresses
    ? agreeOnDeflate(request.headers.get('sec-websocket-extensions'))
    : undefined;
  if (deflate !== undefined) fields.push(['sec-websocket-extensions', deflate.field]);
  const windowBits = deflate?.serverWindowBits ?? 0;
  const { data, context } = options;
  const hooks = options.hooks ?? thread.settings.hooks;
  const start = { data, context, protocol: chosen, windowBits };
  return layDownTakeover(
    exchange,
    {
      isRaw: false,
      succeed: (from) => new WebSocketSession(exchange.host, thread, exchange, from, hooks, start),
      tunnel: (stream) => new StreamWire(stream, exchange.host, thread, exchange, hooks, start),
    },
    fields,
  );
}

/** Browsers give a connection up whose server takes none of the protocols that they have offered. */
function chosenProtocol({ protocols }: Handshake, wanted: string | null | undefined): string {
  if (wanted === null) return '';
  if (wanted === undefined) return protocols[0] ?? '';
  if (!protocols.includes(wanted))
    throw new TypeError(
      `upgrade: the protocol ${JSON.stringify(wanted)} is none that the client has offered: ${protocols.join(', ') || 'it has offered none'}`,
    );
  return wanted;
}

function refusal({ status, sentence }: HandshakeRefusal): Response {
  const headers =
    status === 426 ? { upgrade: 'websocket', 'sec-websocket-version': WEBSOCKET_VERSION } : undefined;
  return new Response(`${status}: ${sentence}\n`, { status, headers });
}
