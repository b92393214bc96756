/**
 * The fields of one message as HPACK gives them: names and values in the order in which they came, one character a
 * byte. Bounded: what goes beyond is counted and not kept, so that decoding can go on, as the peer's table asks
 * (RFC 9113 §4.3), and the message alone is refused.
 *
 * Knows nothing of what fields mean, but remembers whether one of them could not stand in any message (RFC 9113 §8.2.1).
 */
import { ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';

/** The name is not in lower case, or not a token. */
export const NAME_MALFORMED = 1;
/** The value holds what no value may. */
export const VALUE_MALFORMED = 2;

interface FieldListLimits {
  /** Counts names and values, and 32 bytes for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts. RFC 9113 §6.5.2 */
  readonly listBytesMax: number;
  /** Crumbs of cookies count one by one: CVE-2026-49975. */
  readonly fieldCountMax: number;
  /** A list beyond so many bytes is no mishap: what follows is not even read, and the connection cannot go on. Absent for never. */
  readonly bombBytes?: number;
}

export class FieldList {
  readonly names: string[] = [];
  readonly values: string[] = [];
  /** So many of `names` and `values` count. */
  count = 0;
  listBytes = 0;
  /** A field that no message may hold has come. */
  isMalformed = false;
  /** More came than the limits allow. */
  isTooLarge = false;
  isBomb = false;
  readonly #limits: FieldListLimits;
  readonly #bombBytes: number;

  constructor(limits: FieldListLimits) {
    this.#limits = limits;
    this.#bombBytes = limits.bombBytes ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    // Else the text of a long list would be kept until the next one that is as long.
    for (let i = 0; i < this.count; i++) {
      this.names[i] = '';
      this.values[i] = '';
    }
    this.count = 0;
    this.listBytes = 0;
    this.isMalformed = false;
    this.isTooLarge = false;
    this.isBomb = false;
  }

  /** @param flags NAME_MALFORMED, VALUE_MALFORMED @hot */
  add(name: string, value: string, flags: number): void {
    this.listBytes += name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (flags !== 0) this.isMalformed = true;
    if (this.listBytes > this.#limits.listBytesMax || this.count === this.#limits.fieldCountMax)
      this.isTooLarge = true;
    if (this.listBytes > this.#bombBytes) this.isBomb = true;
    if (this.isTooLarge) return;
    this.names[this.count] = name;
    this.values[this.count] = value;
    this.count++;
  }
}
