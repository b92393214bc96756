/** WebSocket frames as bytes (RFC 6455 §5.2), right ones and wrong ones, and a look at those that come. */

const MASK = 0x80;
const FIN = 0x80;
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const KEY = [0x12, 0x34, 0x56, 0x78];

interface FrameParts {
  readonly opcode: number;
  readonly payload?: string;
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** RSV1 to RSV3, as bits of the first octet. */
  readonly reserved?: number;
  /** In place of the shortest way to write the length. */
  readonly length?: string;
}

/** @returns characters from 0 to 255 */
export function wsFrame({
  opcode,
  payload = '',
  isLast = true,
  isMasked = true,
  reserved = 0,
  length,
}: FrameParts): string {
  const mask = isMasked ? MASK : 0;
  const short =
    payload.length < 126
      ? chars(mask | payload.length)
      : chars(mask | 126, payload.length >> 8, payload.length & 255);
  const body = isMasked
    ? [...payload].map((byte, at) => chars(byte.charCodeAt(0) ^ KEY[at % 4]!)).join('')
    : payload;
  return (
    chars((isLast ? FIN : 0) | reserved | opcode) + (length ?? short) + (isMasked ? chars(...KEY) : '') + body
  );
}

export function chars(...octets: readonly number[]): string {
  return String.fromCharCode(...octets);
}

export interface SeenFrame {
  readonly opcode: number;
  readonly payload: string;
}

/** The whole frames in what came; a server's are not masked. */
export function framesIn(bytes: string): SeenFrame[] {
  const found: SeenFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    let size = bytes.charCodeAt(at + 1) & 127;
    let from = at + 2;
    for (let more = size === 126 ? 2 : size === 127 ? 8 : 0, first = true; more > 0; more--, first = false)
      size = (first ? 0 : size * 256) + bytes.charCodeAt(from++);
    if (!(from + size <= bytes.length)) break;
    found.push({ opcode: bytes.charCodeAt(at) & 15, payload: bytes.slice(from, from + size) });
    at = from + size;
  }
  return found;
}
