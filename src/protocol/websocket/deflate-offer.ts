/**
 * The negotiation of permessage-deflate: RFC 7692 §7.1. Each message is compressed by itself in both directions, so that one
 * stream serves all connections of a thread; a server may ask that of a client that has not offered it (RFC 7692 §7.1.1.2).
 */

interface DeflateAgreement {
  /** The window in which the server compresses: 9 to 15. */
  readonly serverWindowBits: number;
  /** The value of `Sec-WebSocket-Extensions` in the answer. */
  readonly field: string;
}

const NAME = 'permessage-deflate';
const BOTH = `${NAME}; server_no_context_takeover; client_no_context_takeover`;
/** zlib makes no raw stream with a window of 8: its author found it broken. */
const WINDOW_BITS_MIN = 9;
const WINDOW_BITS_MAX = 15;

/** @returns the first offer that can be taken; undefined for none: messages go as they are then */
export function agreeOnDeflate(field: string | null): DeflateAgreement | undefined {
  if (field === null) return undefined;
  for (const offer of field.split(',')) {
    const [name, ...parameters] = offer.split(';').map((part) => part.trim());
    if (name?.toLowerCase() !== NAME) continue;
    const bits = windowBitsOf(parameters);
    if (bits === undefined) continue;
    return {
      serverWindowBits: bits,
      field: bits === WINDOW_BITS_MAX ? BOTH : `${BOTH}; server_max_window_bits=${bits}`,
    };
  }
  return undefined;
}

/** @returns undefined for an offer that is malformed or cannot be kept: RFC 7692 §7.1.2 and §7.1.3 */
function windowBitsOf(parameters: readonly string[]): number | undefined {
  const seen = new Set<string>();
  let bits = WINDOW_BITS_MAX;
  for (const parameter of parameters) {
    const [name = '', value] = parameter.split('=', 2).map((part) => part.trim());
    if (seen.has(name)) return undefined;
    seen.add(name);
    const number = value === undefined ? undefined : numberOf(value);
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        if (value !== undefined) return undefined;
        break;
      case 'server_max_window_bits':
        if (number === undefined || number < WINDOW_BITS_MIN || number > WINDOW_BITS_MAX) return undefined;
        bits = number;
        break;
      case 'client_max_window_bits':
        // Ours is the largest window there is, so whatever the client chooses can be read.
        if (value !== undefined && (number === undefined || number < 8 || number > WINDOW_BITS_MAX))
          return undefined;
        break;
      default:
        return undefined;
    }
  }
  return bits;
}

/** A decimal number without leading zeros, perhaps in quotes. */
function numberOf(value: string): number | undefined {
  const match = /^(?:"([1-9]\d?)"|([1-9]\d?))$/.exec(value);
  return match === null ? undefined : Number(match[1] ?? match[2]);
}
