/**
 * One request of an HTTP/2 client: what the handler is to do with it, and how the client sends it, reads its answer and
 * breaks it off. Its fields are written with a table of the client's own, so that the server's has something to keep.
 */
import type { SeededRandom } from '../../base/random.ts';
import { DynamicTable } from '../../protocol/h2/dynamic-table.ts';
import { encodedBytesMax, encodeFieldInto } from '../../protocol/h2/hpack-encoder.ts';
import { STATIC_COUNT } from '../../protocol/h2/static-table.ts';
import type { RequestPlan } from '../request-plan.ts';

/** What the server keeps for each connection: it does not ask for less. */
const TABLE_BYTES = 4096;

export interface H2Request {
  /** May be another request's too: a head that is repeated. */
  readonly plan: RequestPlan;
  readonly hasBody: boolean;
  readonly namesLength: boolean;
  /** Content of one DATA frame, at most. */
  readonly frameBytes: number;
  readonly gapMs: number;
  readonly pads: boolean;
  readonly hasTrailers: boolean;
  readonly headParts: number;
  readonly padding: number;
  readonly priority: string | undefined;
  /** The client opens no window for the answer beyond the first. */
  readonly isStalled: boolean;
  /** It is sent up to here and no further. */
  readonly bodyBytesSent: number;
  /** The content-length that is named, where that is not the content's. */
  readonly wrongLength: number | undefined;
  /** Goes into the head and makes it one that must be refused. */
  readonly badField: readonly [name: string, value: string] | undefined;
}

/** Writes field blocks: literals, some of them into the table, and indexes of what is there. RFC 7541 §6 */
export class FieldEncoder {
  readonly #random: SeededRandom;
  readonly #table = new DynamicTable(TABLE_BYTES);

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  block(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
    let room = 0;
    for (const [name, value] of fields) room += encodedBytesMax(name, value);
    const out = new Uint8Array(room);
    let at = 0;
    for (const [name, value] of fields) at = this.#field(out, at, name, value);
    return out.subarray(0, at);
  }

  #field(out: Uint8Array, at: number, name: string, value: string): number {
    const index = this.#table.indexOf(name, value);
    if (index > 0) return integer(out, at, 0x80, 0x7f, STATIC_COUNT + index);
    if (name !== ':path' && this.#random.chance(0.5)) {
      this.#table.add(name, value, 0);
      out[at] = 0x40;
      return text(out, text(out, at + 1, name), value);
    }
    return encodeFieldInto(out, at, name, value);
  }
}

function text(out: Uint8Array, at: number, value: string): number {
  let p = integer(out, at, 0, 0x7f, value.length);
  for (let i = 0; i < value.length; i++) out[p++] = value.charCodeAt(i);
  return p;
}

/** RFC 7541 §5.1 */
function integer(out: Uint8Array, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  out[at] = pattern | mask;
  let p = at + 1;
  let left = value - mask;
  for (; left >= 0x80; left >>= 7) out[p++] = (left & 0x7f) | 0x80;
  out[p] = left;
  return p + 1;
}

/** The fields of the head, pseudo-fields first. */
export function fieldsOf(request: H2Request): [string, string][] {
  const { plan } = request;
  const fields: [string, string][] = [
    [':method', plan.method],
    [':scheme', 'http'],
    [':path', `/r/${plan.id}`],
    [':authority', 'sim'],
  ];
  if (request.padding > 0) fields.push(['x-padding', 'p'.repeat(request.padding)]);
  if (plan.file?.range !== undefined) fields.push(['range', plan.file.range]);
  if (plan.expectsContinue) fields.push(['expect', '100-continue']);
  if (request.priority !== undefined) fields.push(['priority', request.priority]);
  if (request.hasTrailers) fields.push(['te', 'trailers']);
  if (request.hasBody && request.namesLength)
    fields.push(['content-length', String(request.wrongLength ?? plan.bodyBytes)]);
  if (request.badField !== undefined) fields.push([...request.badField]);
  return fields;
}
