/**
 * Pieces cut out of a request's head that do not keep it. V8 makes a slice of 13 characters or more point into the
 * string that it was cut from, so a token that a program keeps of every client would keep each one's whole head.
 */

/** A piece may keep so many characters beside its own; copying costs some 200 ns, and most heads are shorter. */
const KEPT_BESIDE_MAX = 1024;
/** SlicedString::kMinLength in V8: shorter slices are copies. */
const SLICED_LENGTH_MIN = 13;

/** text[start, end). @hot */
export function ownText(text: string, start: number, end: number): string {
  const piece = text.slice(start, end);
  const { length } = piece;
  if (length < SLICED_LENGTH_MIN || text.length - length <= KEPT_BESIDE_MAX) return piece;
  // Joined to something it becomes a rope, which a look at one character makes into a string of its own; what is cut
  // from that points there.
  const rope = ` ${piece}`;
  rope.charCodeAt(0);
  return rope.slice(1);
}
