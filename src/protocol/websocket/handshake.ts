/**
 * The opening handshake, the server's side of it: RFC 6455 §4.2. What a request that asks for WebSocket has to say, which of
 * its subprotocols is taken, and what the answer has to prove. SHA-1 comes in as an argument, since nothing here knows cryptography.
 */

/** RFC 6455 §1.3 */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Sixteen bytes in base64: the last character stands for two bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
/** RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The only version that there is: RFC 6455 §4.1. */
export const WEBSOCKET_VERSION = '13';

interface HandshakeFields {
  get(name: string): string | null;
}

export interface Handshake {
  /** undefined where the request came over HTTP/2, which needs no such proof: RFC 8441 §5. */
  readonly key: string | undefined;
  /** Subprotocols in the client's order of preference. */
  readonly protocols: readonly string[];
}

/** Why it is none: a status and a sentence. */
export interface HandshakeRefusal {
  readonly status: 400 | 426;
  readonly sentence: string;
}

/** Whether it asks for WebSocket at all, by a field that a client has to send. */
function asksForWebSocket(fields: HandshakeFields): boolean {
  return lists(fields.get('upgrade'), 'websocket');
}

/**
 * @param isOverHttp2 an extended CONNECT, where `:protocol` stands for Upgrade, Connection and the key (RFC 8441 §5)
 * @returns what the client asks for, or why it cannot have it
 */
export function readHandshake(
  method: string,
  fields: HandshakeFields,
  isOverHttp2: boolean,
): Handshake | HandshakeRefusal {
  const key = fields.get('sec-websocket-key');
  if (!isOverHttp2) {
    if (method !== 'GET') return refusal('a WebSocket begins with GET');
    if (!asksForWebSocket(fields) || !lists(fields.get('connection'), 'upgrade'))
      return { status: 426, sentence: 'this address speaks WebSocket: ask with Upgrade: websocket' };
    if (key === null || !KEY.test(key)) return refusal('Sec-WebSocket-Key is not 16 bytes in base64');
  }
  if (fields.get('sec-websocket-version') !== WEBSOCKET_VERSION)
    return { status: 426, sentence: 'the version of WebSocket is 13' };
  const protocols = listOf(fields.get('sec-websocket-protocol'));
  if (protocols.some((name) => !TOKEN.test(name)) || new Set(protocols).size < protocols.length)
    return refusal('Sec-WebSocket-Protocol is not a list of different names');
  return { key: isOverHttp2 ? undefined : key!, protocols };
}

function refusal(sentence: string): HandshakeRefusal {
  return { status: 400, sentence };
}

/** @param sha1 of latin1 text, in base64 */
export function acceptOf(key: string, sha1: (text: string) => string): string {
  return sha1(key + KEY_SUFFIX);
}

/** @returns the items of a comma separated list, empty ones left out: RFC 9110 §5.6.1 */
function listOf(value: string | null): string[] {
  if (value === null) return [];
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function lists(value: string | null, token: string): boolean {
  return listOf(value).some((item) => item.toLowerCase() === token);
}
