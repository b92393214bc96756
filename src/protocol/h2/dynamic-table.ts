/**
 * HPACK's dynamic table: RFC 7541 §2.3.2 and §4. A ring of entries; the newest has index 1. Used by both directions,
 * which keep a table each.
 *
 * Invariant: the sum of the entries' sizes is at most `bytesMax`. An entry counts 32 bytes more than its text, so
 * the ring never needs more than bytesMax / 32 places.
 */

/** What an entry counts beside its text. RFC 7541 §4.1 */
export const ENTRY_OVERHEAD_BYTES = 32;

export class DynamicTable {
  /** How many entries were ever added: the same number and the same size mean the same table. */
  insertCount = 0;
  #names: string[] = [];
  #values: string[] = [];
  #flags: number[] = [];
  /** Where the newest entry stands. */
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** @param index 1 to `count` */
  nameAt(index: number): string {
    return this.#names[this.#placeOf(index)]!;
  }

  valueAt(index: number): string {
    return this.#values[this.#placeOf(index)]!;
  }

  /** What `add` was given. */
  flagsAt(index: number): number {
    return this.#flags[this.#placeOf(index)]!;
  }

  /** An entry that is larger than the table empties it, which is no error. RFC 7541 §4.4 */
  add(name: string, value: string, flags: number): void {
    this.insertCount++;
    const size = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evictDownTo(this.#bytesMax - size);
    if (size > this.#bytesMax) return;
    if (this.#count === this.#names.length) this.#grow();
    this.#newest = this.#newest === 0 ? this.#names.length - 1 : this.#newest - 1;
    this.#names[this.#newest] = name;
    this.#values[this.#newest] = value;
    this.#flags[this.#newest] = flags;
    this.#count++;
    this.#bytes += size;
  }

  /** RFC 7541 §4.3 */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  /** @returns the index of the entry with this name and this value, 0 for none */
  indexOf(name: string, value: string): number {
    for (let index = 1; index <= this.#count; index++) {
      const place = this.#placeOf(index);
      if (this.#values[place] === value && this.#names[place] === name) return index;
    }
    return 0;
  }

  #placeOf(index: number): number {
    const place = this.#newest + index - 1;
    return place < this.#names.length ? place : place - this.#names.length;
  }

  #evictDownTo(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const place = this.#placeOf(this.#count);
      this.#bytes -= this.#names[place]!.length + this.#values[place]!.length + ENTRY_OVERHEAD_BYTES;
      this.#names[place] = '';
      this.#values[place] = '';
      this.#count--;
    }
  }

  /** Unrolls the ring into one of twice the size. */
  #grow(): void {
    const size = Math.max(8, this.#names.length * 2);
    const names: string[] = [];
    const values: string[] = [];
    const flags: number[] = [];
    for (let index = 1; index <= this.#count; index++) {
      names.push(this.nameAt(index));
      values.push(this.valueAt(index));
      flags.push(this.flagsAt(index));
    }
    while (names.length < size) {
      names.push('');
      values.push('');
      flags.push(0);
    }
    this.#names = names;
    this.#values = values;
    this.#flags = flags;
    this.#newest = 0;
  }
}
