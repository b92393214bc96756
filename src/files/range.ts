/**
 * The Range field (RFC 9110 §14): which bytes of a file are asked for. Ranges that overlap or touch are made one, so that
 * no byte is sent twice, and a list that is longer than anybody needs is ignored: the whole file is the answer then, as
 * RFC 9110 §14.2 allows and §17.15 advises.
 */

/** `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

type RangeChoice =
  | { readonly kind: 'whole' }
  /** In the order in which they were asked for; one or more, none of them empty. */
  | { readonly kind: 'parts'; readonly parts: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeChoice = { kind: 'whole' };
const UNSATISFIABLE: RangeChoice = { kind: 'unsatisfiable' };

/** What viewers of PDF ask for at once is some ten; Apache takes 200, whatever they are (MaxRanges). */
const RANGES_MAX = 64;

/** A gap that is shorter than what a part costs (some 90 bytes of fields) is sent along. RFC 9110 §15.3.7.2 */
const GAP_BYTES_MAX = 80;

/** Range units are case-insensitive. RFC 9110 §14.1 */
const UNIT = /^bytes=/i;
const RANGE_SPEC = /^[ \t]*(\d*)-(\d*)[ \t]*$/;

export function chooseRanges(value: string | null, sizeBytes: number): RangeChoice {
  if (value === null || !UNIT.test(value)) return WHOLE;
  const specs = value.slice('bytes='.length).split(',', RANGES_MAX + 1);
  if (specs.length > RANGES_MAX) return WHOLE;
  const parts: ByteRange[] = [];
  let specCount = 0;
  for (const spec of specs) {
    // RFC 9110 §5.6.1.2: empty elements of a list are passed over.
    if (/^[ \t]*$/.test(spec)) continue;
    const part = rangeOf(spec, sizeBytes);
    if (part === undefined) return WHOLE;
    specCount++;
    if (part.end > part.start) parts.push(part);
  }
  if (specCount === 0) return WHOLE;
  if (parts.length === 0) return UNSATISFIABLE;
  // A suffix of an empty file is the whole of it, and no Content-Range can describe that.
  if (sizeBytes === 0) return WHOLE;
  return { kind: 'parts', parts: parts.length === 1 ? parts : coalesced(parts) };
}

/** @returns an empty one where it lies outside of the file, undefined for what is no range at all */
function rangeOf(spec: string, sizeBytes: number): ByteRange | undefined {
  const match = RANGE_SPEC.exec(spec);
  if (match === null) return undefined;
  const first = match[1]!;
  const last = match[2]!;
  if (first === '') {
    if (last === '') return undefined;
    const suffix = Number(last);
    // The suffix of a file without bytes: told apart from none by the caller, which knows the size.
    if (sizeBytes === 0 && suffix > 0) return { start: 0, end: 1 };
    return { start: Math.max(0, sizeBytes - suffix), end: sizeBytes };
  }
  // Digits beyond 2^53 lose precision and nothing else: they are past the end of any file.
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  return { start, end: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}

/** Overlapping and neighbouring ranges as one, each where the first of its ranges stood. */
function coalesced(parts: readonly ByteRange[]): readonly ByteRange[] {
  const sorted = parts.map((part, at) => ({ ...part, at })).sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number; at: number }[] = [];
  for (const part of sorted) {
    const before = merged.at(-1);
    if (before !== undefined && part.start <= before.end + GAP_BYTES_MAX) {
      before.end = Math.max(before.end, part.end);
      before.at = Math.min(before.at, part.at);
    } else merged.push(part);
  }
  return merged.sort((a, b) => a.at - b.at).map(({ start, end }) => ({ start, end }));
}
