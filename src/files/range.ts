/**
 * The Range field (RFC 9110 §14): one byte range, or none. Several ranges in one request are answered
 * with the whole file, as RFC 9110 §14.2 allows: multipart answers are wanted by almost nobody and are
 * the classic way to make a server send a file many times over.
 */

type RangeChoice =
  | { readonly kind: 'whole' }
  /** `end` is exclusive. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeChoice = { kind: 'whole' };
const UNSATISFIABLE: RangeChoice = { kind: 'unsatisfiable' };

/** Range units are case-insensitive (RFC 9110 §14.1); lists are too long to match and so fall to `whole`. */
const ONE_BYTE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

export function chooseRange(value: string | null, sizeBytes: number): RangeChoice {
  const match = value === null ? null : ONE_BYTE_RANGE.exec(value);
  if (match === null) return WHOLE;
  const first = match[1]!;
  const last = match[2]!;
  if (first === '') {
    if (last === '') return WHOLE;
    const suffix = Number(last);
    if (suffix === 0) return UNSATISFIABLE;
    // A suffix of an empty file is the whole of it, and no Content-Range can describe that.
    if (sizeBytes === 0) return WHOLE;
    return { kind: 'part', start: Math.max(0, sizeBytes - suffix), end: sizeBytes };
  }
  // Digits beyond 2^53 lose precision and nothing else: they are past the end of any file.
  const start = Number(first);
  const end = last === '' ? sizeBytes : Number(last) + 1;
  if (last !== '' && Number(last) < start) return WHOLE;
  return start >= sizeBytes ? UNSATISFIABLE : { kind: 'part', start, end: Math.min(end, sizeBytes) };
}
