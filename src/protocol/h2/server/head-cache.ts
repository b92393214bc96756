/**
 * Heads that a connection has decoded lately, by the bytes of their field blocks: the same bytes at the same state of
 * the decoder's table mean the same head, which is then neither decoded nor judged nor made again. It is decision 4
 * for HPACK. Clients repeat themselves: once their fields stand in the table, a request is a few index bytes.
 *
 * Bounded: eight heads of 4 KiB at most. A block is kept when it comes a second time: those that add to the table, or name
 * another path each, cost a store and no memory.
 */
import type { RequestFields } from '../message-fields.ts';
import { parsePriority, URGENCY_DEFAULT } from '../priority.ts';

const SLOT_COUNT = 8;
const BLOCK_BYTES_MAX = 512;
const LIST_BYTES_MAX = 4096;

/** The head of a request, decoded and found sound. Shared by all requests that repeat it: not to be changed. */
export class RequestHead {
  readonly fields: RequestFields;
  /** Counts what HPACK counts: names, values, and 32 bytes for each. */
  readonly listBytes: number;
  /** RFC 9218 §4 */
  readonly urgency: number;
  /** False where the client wants it as a whole. */
  readonly takesTurns: boolean;
  /** Belongs to the session: its own form of the head, made once. */
  cached: unknown = undefined;

  constructor(fields: RequestFields, listBytes: number) {
    this.fields = fields;
    this.listBytes = listBytes;
    const at = fields.names.indexOf('priority');
    if (at < 0) {
      this.urgency = URGENCY_DEFAULT;
      this.takesTurns = true;
    } else {
      const priority = parsePriority(fields.values[at]!);
      this.urgency = priority.urgency;
      this.takesTurns = priority.isIncremental;
    }
  }
}

interface Entry {
  readonly head: RequestHead;
  readonly block: Uint8Array;
  readonly tableVersion: number;
}

export class HeadCache {
  /** Made when the first head is kept. */
  #entries: (Entry | undefined)[] | undefined = undefined;
  /** Hashes of the blocks that were seen last, by slot. */
  #seen: number[] | undefined = undefined;
  /** The hash of the block that was looked for last. */
  #hash = 0;

  /** @hot */
  find(bytes: Uint8Array, start: number, end: number, tableVersion: number): RequestHead | undefined {
    const length = end - start;
    if (length > BLOCK_BYTES_MAX) return undefined;
    let hash = length;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    this.#hash = hash;
    const entry = this.#entries?.[slotOf(hash)];
    if (entry === undefined || entry.tableVersion !== tableVersion) return undefined;
    const { block } = entry;
    if (block.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (block[i] !== bytes[start + i]) return undefined;
    return entry.head;
  }

  /** The block that was not found just now means `head`: in place of what stood in its slot, if it is the second time. */
  keep(bytes: Uint8Array, start: number, end: number, tableVersion: number, head: RequestHead): void {
    if (end - start > BLOCK_BYTES_MAX || head.listBytes > LIST_BYTES_MAX) return;
    const hash = this.#hash;
    const slot = slotOf(hash);
    this.#seen ??= new Array<number>(SLOT_COUNT).fill(0);
    if (this.#seen[slot] !== hash) {
      this.#seen[slot] = hash;
      return;
    }
    this.#entries ??= new Array<Entry | undefined>(SLOT_COUNT).fill(undefined);
    const block = new Uint8Array(end - start);
    block.set(bytes.subarray(start, end));
    this.#entries[slot] = { head, block, tableVersion };
  }
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 7)) & (SLOT_COUNT - 1);
}
