/**
 * Kernel structures as data: declared once in C's order, with C's names and C's types, laid out by C's
 * rules (natural alignment, or packed). The tables in `abi/` are written with this; a test compiles the
 * same questions with a C compiler and compares every size and offset.
 *
 * Each declaration also states the size that the ABI promises, so that a slip of the pen fails at load.
 */
import { assert } from '../base/assert.ts';

type Scalar = 'u8' | 's8' | 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64';

const SCALAR_BYTES: Record<Scalar, number> = { u8: 1, s8: 1, u16: 2, s16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };

/** Fields that share one place (`union`) or follow each other inside of one (`group`), without a name in C. */
interface Anonymous<Name extends string> {
  readonly kind: 'union' | 'group';
  readonly fields: Fields;
  /** Type-level only: the names that surface in the enclosing struct. */
  readonly names?: Name;
}

interface ArrayOf {
  readonly kind: 'array';
  readonly of: Scalar | Struct<string>;
  readonly length: number;
}

type Field = Scalar | ArrayOf | Struct<string> | Anonymous<string>;
type Fields = Readonly<Record<string, Field>>;

/** Names a caller can ask for: anonymous unions and groups give up theirs to the enclosing struct. */
type NamesOf<F> = { [K in keyof F & string]: F[K] extends Anonymous<infer Inner> ? Inner : K }[keyof F &
  string];

export interface Struct<Name extends string> {
  readonly kind: 'struct';
  readonly name: string;
  /** sizeof, in bytes. */
  readonly size: number;
  readonly alignment: number;
  /** offsetof, in bytes. */
  readonly offset: Readonly<Record<Name, number>>;
  /** Bytes each field takes. */
  readonly width: Readonly<Record<Name, number>>;
}

export function union<const F extends Fields>(fields: F): Anonymous<NamesOf<F>> {
  return { kind: 'union', fields };
}

export function group<const F extends Fields>(fields: F): Anonymous<NamesOf<F>> {
  return { kind: 'group', fields };
}

export function array(of: Scalar | Struct<string>, length: number): ArrayOf {
  return { kind: 'array', of, length };
}

/**
 * Lays a struct out. The key of an anonymous member is never seen again; it only has to be unique.
 * @param size what C's sizeof must give; asserted here, so that a wrong table fails when it is loaded
 * @param packed as `__attribute__((packed))`
 */
export function struct<const F extends Fields>(
  name: string,
  size: number,
  fields: F,
  { packed = false }: { packed?: boolean } = {},
): Struct<NamesOf<F>> {
  const offset: Record<string, number> = {};
  const width: Record<string, number> = {};
  const laid = place(fields, 0, false, packed, offset, width);
  const padded = roundUp(laid.end, laid.alignment);
  assert(padded === size, `struct ${name} comes to ${padded} bytes, not ${size}`);
  for (const field in offset) {
    assert(offset[field]! + width[field]! <= size, `${name}.${field} reaches past the end`);
  }
  return { kind: 'struct', name, size, alignment: laid.alignment, offset, width } as Struct<NamesOf<F>>;
}

function place(
  fields: Fields,
  start: number,
  overlaid: boolean,
  packed: boolean,
  offset: Record<string, number>,
  width: Record<string, number>,
): { end: number; alignment: number } {
  let at = start;
  let end = start;
  let alignment = 1;
  for (const [name, field] of Object.entries(fields)) {
    const own = packed ? 1 : alignmentOf(field);
    if (own > alignment) alignment = own;
    if (overlaid) at = start;
    at = roundUp(at, own);
    if (isAnonymous(field)) {
      const inner = place(field.fields, at, field.kind === 'union', packed, offset, width);
      at = roundUp(inner.end, own);
    } else {
      assert(!(name in offset), `field ${name} is declared twice`);
      offset[name] = at;
      width[name] = widthOf(field);
      at += width[name];
    }
    if (at > end) end = at;
  }
  return { end, alignment };
}

function isAnonymous(field: Field): field is Anonymous<string> {
  return typeof field === 'object' && (field.kind === 'union' || field.kind === 'group');
}

function widthOf(field: Scalar | ArrayOf | Struct<string>): number {
  if (typeof field === 'string') return SCALAR_BYTES[field];
  return field.kind === 'array' ? widthOf(field.of) * field.length : field.size;
}

function alignmentOf(field: Field): number {
  if (typeof field === 'string') return SCALAR_BYTES[field];
  if (field.kind === 'struct') return field.alignment;
  if (field.kind === 'array') return alignmentOf(field.of);
  let alignment = 1;
  for (const inner of Object.values(field.fields)) alignment = Math.max(alignment, alignmentOf(inner));
  return alignment;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
