/**
 * Field blocks of requests, read: a head that this connection has seen before at the same state of its table, or one
 * that is decoded and judged now. Every block is read, whatever becomes of its stream, since the table asks for it.
 */
import { FAULT_FIELD_BOMB, type Http2Fault } from '../error-codes.ts';
import type { FieldList } from '../field-list.ts';
import { HpackDecoder } from '../hpack-decoder.ts';
import { areTrailers, requestFields } from '../message-fields.ts';
import { HeadCache, RequestHead } from './head-cache.ts';
import type { H2Settings } from './server-settings.ts';

export class HeadReader {
  /** What the block that was read last means, undefined when it is malformed or too large. */
  head: RequestHead | undefined = undefined;
  isTooLarge = false;
  readonly #settings: H2Settings;
  readonly #list: FieldList;
  readonly #decoder: HpackDecoder;
  readonly #cache = new HeadCache();

  /** @param list for the time of a call: connections of a thread share one */
  constructor(settings: H2Settings, list: FieldList) {
    this.#settings = settings;
    this.#list = list;
    this.#decoder = new HpackDecoder(settings.textOf);
  }

  /** A request's head, left in `head`. @returns the fault that ends the connection @hot */
  readHead(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    const decoder = this.#decoder;
    const version = decoder.tableVersion;
    const known = this.#cache.find(bytes, start, end, version);
    if (known !== undefined) {
      this.head = known;
      this.isTooLarge = false;
      return undefined;
    }
    this.head = undefined;
    const fault = this.readFields(bytes, start, end);
    if (fault !== undefined) return fault;
    const list = this.#list;
    if (list.isTooLarge) return undefined;
    const fields = requestFields(list);
    if (fields === undefined || (fields.protocol !== '' && !this.#settings.extendedConnect)) return undefined;
    this.head = new RequestHead(fields, list.listBytes);
    if (decoder.tableVersion === version) this.#cache.keep(bytes, start, end, version, this.head);
    return undefined;
  }

  /** Any block, for what it does to the table, or as trailers. */
  readFields(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    const list = this.#list;
    list.clear();
    const fault = this.#decoder.decode(bytes, start, end, list);
    this.isTooLarge = list.isTooLarge;
    if (fault !== undefined) return fault;
    return list.isBomb ? FAULT_FIELD_BOMB : undefined;
  }

  /** Whether the fields that were read last ask by HEAD, also where there were too many. */
  get isHead(): boolean {
    const at = this.#list.names.indexOf(':method');
    return at >= 0 && this.#list.values[at] === 'HEAD';
  }

  /** Whether the fields that were read last may follow content. */
  get areTrailers(): boolean {
    return !this.#list.isTooLarge && areTrailers(this.#list);
  }

  takeNames(): string[] {
    return this.#list.names.slice(0, this.#list.count);
  }

  takeValues(): string[] {
    return this.#list.values.slice(0, this.#list.count);
  }
}
