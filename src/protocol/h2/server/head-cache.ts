/**
 * Heads that a connection has decoded lately, by the bytes of their field blocks: the same bytes at the same state of
 * the decoder's table mean the same head, which is then neither decoded nor judged nor made again. It is decision 4
 * for HPACK. Clients repeat themselves: once their fields stand in the table, a request is a few index bytes.
 *
 * Bounded: eight heads of 4 KiB at most. A block that adds to the table is never the same again and is not kept.
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

  /** @hot */
  find(bytes: Uint8Array, start: number, end: number, tableVersion: number): RequestHead | undefined {
    if (this.#entries === undefined || end - start > BLOCK_BYTES_MAX) return undefined;
    const entry = this.#entries[slotOf(bytes, start, end)];
    if (entry === undefined || entry.tableVersion !== tableVersion) return undefined;
    const { block } = entry;
    const length = end - start;
    if (block.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (block[i] !== bytes[start + i]) return undefined;
    return entry.head;
  }

  /** In place of what stood in its slot. */
  keep(bytes: Uint8Array, start: number, end: number, tableVersion: number, head: RequestHead): void {
    if (end - start > BLOCK_BYTES_MAX || head.listBytes > LIST_BYTES_MAX) return;
    this.#entries ??= new Array<Entry | undefined>(SLOT_COUNT).fill(undefined);
    const block = new Uint8Array(end - start);
    block.set(bytes.subarray(start, end));
    this.#entries[slotOf(bytes, start, end)] = { head, block, tableVersion };
  }
}

/** @hot */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return (hash ^ (hash >>> 7)) & (SLOT_COUNT - 1);
}
