/**
 * The Huffman code of HPACK: RFC 7541 §5.2 and Appendix B. The code is canonical (within one length, codes grow with
 * the symbol), so the lengths alone are kept here and the codes are made from them.
 *
 * Decoding goes half a byte at a time through a table of states: 257 leaves make 256 inner nodes, each with 16 ways on.
 */

/** Length of each byte's code in bits. RFC 7541 Appendix B */
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
/** The end of a string, which is never written: its 30 one bits only pad. */
const EOS_BITS = 30;
const EOS_SYMBOL = 256;
const SYMBOL_COUNT = 257;
const BITS_MAX = 30;

/** The shortest code has five bits: so much longer a decoded string may be at most. */
export const HUFFMAN_GROWTH_MAX = 8 / 5;

// An entry of the decoder's table: a state, whether a symbol comes out and which, whether the string may end here.
const STATE_MASK = 0x1ff;
const EMITS = 1 << 9;
const MAY_END = 1 << 10;
const FAILS = 1 << 11;
const SYMBOL_SHIFT = 12;

interface HuffmanTables {
  readonly codes: Uint32Array;
  readonly bits: Uint8Array;
  /** Entry `state * 16 + nibble`. */
  readonly steps: Int32Array;
}

let tables: HuffmanTables | undefined;

/** Made when the first string comes: 16 KiB that most programs never need. */
function huffmanTables(): HuffmanTables {
  tables ??= makeTables();
  return tables;
}

function makeTables(): HuffmanTables {
  const bits = new Uint8Array(SYMBOL_COUNT);
  bits.set(CODE_BITS);
  bits[EOS_SYMBOL] = EOS_BITS;
  const codes = new Uint32Array(SYMBOL_COUNT);
  let code = 0;
  for (let length = 1; length <= BITS_MAX; length++) {
    for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) if (bits[symbol] === length) codes[symbol] = code++;
    code *= 2;
  }
  return { codes, bits, steps: makeSteps(codes, bits) };
}

/** Nodes of the code's tree are numbered from the root, 0; a leaf is the complement of its symbol. */
function makeSteps(codes: Uint32Array, bits: Uint8Array): Int32Array {
  const children: [number, number][] = [[0, 0]];
  // The root is no node's child, so 0 can stand for a child that is not there yet.
  for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
    let node = 0;
    for (let bit = bits[symbol]! - 1; bit >= 0; bit--) {
      const side = (codes[symbol]! >>> bit) & 1;
      if (bit === 0) children[node]![side] = ~symbol;
      else {
        if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
        node = children[node]![side]!;
      }
    }
  }
  const mayEnd = paddingStates(children);
  const steps = new Int32Array(children.length * 16);
  for (let state = 0; state < children.length; state++)
    for (let nibble = 0; nibble < 16; nibble++)
      steps[state * 16 + nibble] = stepOf(children, mayEnd, state, nibble);
  return steps;
}

/** RFC 7541 §5.2: padding is the beginning of EOS, which is all ones, and shorter than a byte. */
function paddingStates(children: readonly [number, number][]): Set<number> {
  const states = new Set([0]);
  let node = 0;
  for (let ones = 0; ones < 7; ones++) {
    node = children[node]![1];
    states.add(node);
  }
  return states;
}

function stepOf(
  children: readonly [number, number][],
  mayEnd: ReadonlySet<number>,
  from: number,
  nibble: number,
): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node]![(nibble >> bit) & 1]!;
    if (next >= 0) node = next;
    else {
      if (~next === EOS_SYMBOL) return FAILS;
      // Codes have five bits at least, so that one symbol at most comes out of four.
      emitted = EMITS | (~next << SYMBOL_SHIFT);
      node = 0;
    }
  }
  return node | emitted | (mayEnd.has(node) ? MAY_END : 0);
}

/**
 * Decodes bytes[start..end) to `out` from `at` on, which has room for HUFFMAN_GROWTH_MAX times as many.
 * @returns the index after, or -1 when the string holds EOS or its padding is wrong (RFC 7541 §5.2) @hot
 */
export function huffmanDecodeInto(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  const { steps } = huffmanTables();
  let state = 0;
  let p = at;
  let step = MAY_END;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    step = steps[state * 16 + (byte >> 4)]!;
    if ((step & EMITS) !== 0) out[p++] = step >> SYMBOL_SHIFT;
    if ((step & FAILS) !== 0) return -1;
    step = steps[(step & STATE_MASK) * 16 + (byte & 15)]!;
    if ((step & EMITS) !== 0) out[p++] = step >> SYMBOL_SHIFT;
    if ((step & FAILS) !== 0) return -1;
    state = step & STATE_MASK;
  }
  return (step & MAY_END) === 0 ? -1 : p;
}

/** @param text one byte a character @returns how many bytes its code takes */
export function huffmanLength(text: string): number {
  const { bits } = huffmanTables();
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum += bits[text.charCodeAt(i)]!;
  return (sum + 7) >> 3;
}

/** @param text one byte a character @returns the index after */
export function huffmanEncodeInto(text: string, out: Uint8Array, at: number): number {
  const { codes, bits } = huffmanTables();
  let p = at;
  // What is left of the last byte stands in the low `pendingBits` of `pending`.
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let left = bits[symbol]!;
    const code = codes[symbol]!;
    while (left > 0) {
      const taken = Math.min(left, 8 - pendingBits);
      left -= taken;
      pending = (pending << taken) | ((code >>> left) & ((1 << taken) - 1));
      pendingBits += taken;
      if (pendingBits === 8) {
        out[p++] = pending;
        pending = 0;
        pendingBits = 0;
      }
    }
  }
  if (pendingBits > 0) out[p++] = (pending << (8 - pendingBits)) | (0xff >> pendingBits);
  return p;
}
