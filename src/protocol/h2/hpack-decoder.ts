/**
 * Field blocks, read: RFC 7541 §6. One decoder a connection, since the peer's table lives as long as that. It is fed
 * whole blocks; a fault in one ends the connection, for then the tables of the two ends differ.
 *
 * Text is made by a function that is given, since the fastest way to make it is the platform's.
 */
import * as octet from '../semantics/octets.ts';
import { DynamicTable } from './dynamic-table.ts';
import { FAULT_COMPRESSION, type Http2Fault } from './error-codes.ts';
import { type FieldList, NAME_MALFORMED, VALUE_MALFORMED } from './field-list.ts';
import { DEFAULT_TABLE_BYTES } from './frames.ts';
import { HUFFMAN_GROWTH_MAX, huffmanDecodeInto } from './huffman.ts';
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const FIELD_VALUE = octet.OCTET_FIELD_VALUE;
const COLON = octet.COLON;
const HTAB = octet.HTAB;
const SP = octet.SP;

/** Beyond any size that is allowed here: RFC 7541 §5.1 asks for a limit. */
const INTEGER_MAX = 2 ** 28 - 1;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

const NO_BYTES = new Uint8Array(0);
const SCRATCH_BYTES_MIN = 256;

/** Makes text of bytes[start..end), one character a byte. */
export type TextOf = (bytes: Uint8Array, start: number, end: number) => string;

export class HpackDecoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #textOf: TextOf;
  /** What our SETTINGS_HEADER_TABLE_SIZE allows the peer. */
  #tableBytesLimit = DEFAULT_TABLE_BYTES;
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #isBroken = false;
  /** The flags of the string that was read last. */
  #flags = 0;
  #scratch: Uint8Array = NO_BYTES;

  constructor(textOf: TextOf) {
    this.#textOf = textOf;
  }

  /**
   * Two blocks of the same bytes mean the same fields while this number stays, which grows with each entry and each
   * change of the table's size.
   */
  get tableVersion(): number {
    return this.#table.insertCount;
  }

  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * Reads the whole block bytes[start..end) into `list`.
   * @returns the fault that ends the connection, if there is one
   * @hot
   */
  decode(bytes: Uint8Array, start: number, end: number, list: FieldList): Http2Fault | undefined {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#isBroken = false;
    let hasFields = false;
    while (this.#at < end && !this.#isBroken && !list.isBomb) {
      const first = bytes[this.#at]!;
      if ((first & 0x80) !== 0) {
        hasFields = true;
        this.#indexed(this.#integer(0x7f), list);
      } else if ((first & 0x40) !== 0) {
        hasFields = true;
        this.#literal(this.#integer(0x3f), true, list);
      } else if ((first & 0x20) !== 0) {
        // RFC 7541 §4.2: only at the beginning of a block.
        if (hasFields) this.#isBroken = true;
        else this.#resize(this.#integer(0x1f));
      } else {
        hasFields = true;
        this.#literal(this.#integer(0x0f), false, list);
      }
    }
    return this.#isBroken ? FAULT_COMPRESSION : undefined;
  }

  #resize(bytesMax: number): void {
    if (bytesMax > this.#tableBytesLimit) this.#isBroken = true;
    else {
      this.#table.resize(bytesMax);
      this.#table.insertCount++;
    }
  }

  #indexed(index: number, list: FieldList): void {
    if (index === 0 || index > STATIC_COUNT + this.#table.count) this.#isBroken = true;
    else if (index <= STATIC_COUNT) list.add(STATIC_NAMES[index]!, STATIC_VALUES[index]!, 0);
    else {
      const place = index - STATIC_COUNT;
      list.add(this.#table.nameAt(place), this.#table.valueAt(place), this.#table.flagsAt(place));
    }
  }

  /** A literal field, whose name is that of the entry `index`, or follows where that is 0. */
  #literal(index: number, isAdded: boolean, list: FieldList): void {
    if (this.#isBroken || index > STATIC_COUNT + this.#table.count) {
      this.#isBroken = true;
      return;
    }
    let name: string;
    let flags = 0;
    if (index === 0) {
      name = this.#string(true);
      flags = this.#flags;
    } else if (index <= STATIC_COUNT) name = STATIC_NAMES[index]!;
    else {
      name = this.#table.nameAt(index - STATIC_COUNT);
      flags = this.#table.flagsAt(index - STATIC_COUNT) & NAME_MALFORMED;
    }
    if (this.#isBroken) return;
    const value = this.#string(false);
    if (this.#isBroken) return;
    flags |= this.#flags;
    if (isAdded) this.#table.add(name, value, flags);
    list.add(name, value, flags);
  }

  /** RFC 7541 §5.1 @param mask of the prefix in the first byte @hot */
  #integer(mask: number): number {
    const bytes = this.#bytes;
    let value = bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < this.#end && shift <= 28; shift += 7) {
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (value > INTEGER_MAX) break;
      if ((byte & 0x80) === 0) return value;
    }
    this.#isBroken = true;
    return 0;
  }

  /** RFC 7541 §5.2. Leaves in `#flags` whether it may stand where it does. @hot */
  #string(isName: boolean): string {
    if (this.#at >= this.#end) {
      this.#isBroken = true;
      return '';
    }
    const isCoded = (this.#bytes[this.#at]! & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (this.#isBroken || end > this.#end) {
      this.#isBroken = true;
      return '';
    }
    this.#at = end;
    if (!isCoded) return this.#text(this.#bytes, start, end, isName);
    const room = Math.ceil(length * HUFFMAN_GROWTH_MAX);
    if (room > this.#scratch.length) this.#scratch = new Uint8Array(Math.max(SCRATCH_BYTES_MIN, room * 2));
    const decoded = huffmanDecodeInto(this.#bytes, start, end, this.#scratch, 0);
    if (decoded < 0) {
      this.#isBroken = true;
      return '';
    }
    return this.#text(this.#scratch, 0, decoded, isName);
  }

  #text(bytes: Uint8Array, start: number, end: number, isName: boolean): string {
    if (isName) this.#flags = isFieldName(bytes, start, end) ? 0 : NAME_MALFORMED;
    else this.#flags = isFieldValue(bytes, start, end) ? 0 : VALUE_MALFORMED;
    return start === end ? '' : this.#textOf(bytes, start, end);
  }
}

/** A token in lower case, or one behind a colon. RFC 9113 §8.2.1, §8.3 */
function isFieldName(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start < end && bytes[start] === COLON ? start + 1 : start;
  if (p === end) return false;
  for (; p < end; p++) {
    const byte = bytes[p]!;
    if ((OCTETS[byte]! & TOKEN) === 0 || (byte >= UPPER_A && byte <= UPPER_Z)) return false;
  }
  return true;
}

/** RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at either end. */
function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  const first = bytes[start]!;
  const last = bytes[end - 1]!;
  if (first === SP || first === HTAB || last === SP || last === HTAB) return false;
  for (let p = start; p < end; p++) if ((OCTETS[bytes[p]!]! & FIELD_VALUE) === 0) return false;
  return true;
}
