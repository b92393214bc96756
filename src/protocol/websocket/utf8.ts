/**
 * UTF-8, checked while it comes: each byte that cannot stand where it stands is found when it has come, not at the end of
 * the message (RFC 6455 §8.1; Autobahn's cases 6.4.* want it so). The rules are the table of RFC 3629 §4.
 *
 * A state is a number: how many bytes the character still needs, and between which bounds the next one has to lie.
 */

/** Between two characters: where a text may end. */
export const UTF8_WHOLE = 0;
/** No text has these bytes. */
export const UTF8_BAD = -1;

/** Any continuation byte: 80 to BF. */
const ANY = (0x80 << 8) | (0xbf << 16);

/**
 * @param state UTF8_WHOLE to begin with, then what the last call returned
 * @returns the state behind bytes[start..end), or UTF8_BAD
 * @hot
 */
export function checkUtf8(state: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let now = state;
  while (at < end) {
    const byte = bytes[at++]!;
    if (now === UTF8_WHOLE) {
      if (byte < 0x80) continue;
      now = afterFirst(byte);
      if (now === UTF8_BAD) return UTF8_BAD;
    } else {
      if (byte < ((now >> 8) & 0xff) || byte > now >> 16) return UTF8_BAD;
      const needed = (now & 3) - 1;
      now = needed === 0 ? UTF8_WHOLE : needed | ANY;
    }
  }
  return now;
}

/** No form longer than needed (C0, C1, E0, F0), no surrogate (ED), nothing above U+10FFFF (F4, F5 and more). */
function afterFirst(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return UTF8_BAD;
  if (byte < 0xe0) return 1 | ANY;
  if (byte < 0xf0) return 2 | bounds(byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf);
  return 3 | bounds(byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf);
}

function bounds(lower: number, upper: number): number {
  return (lower << 8) | (upper << 16);
}
