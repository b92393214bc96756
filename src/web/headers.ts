/**
 * The light Headers: a Fetch header list kept as two parallel arrays, names in lower case, in the order
 * in which they were set, a name once for each field. Reading combines what repeats; iterating sorts.
 * A request's are read from the head text when first asked for and stay plain afterwards.
 *
 * Differences from the platform, by choice: none in what is stored; error messages are our own, and a
 * missing argument counts as `undefined` where the platform throws.
 */
// biome-ignore-all lint/complexity/noArguments: WebIDL counts arguments; an undefined one is the text 'undefined'
import { byteString, fieldName, fieldValue } from './field-rules.ts';
import { findHeadField, indexHeadLines, readHeadFields } from './head-fields.ts';
import { type Entry, type HeadersIterator, headersIterator } from './headers-iterator.ts';
import { INSPECT, type Inspect, type InspectOptions } from './inspect.ts';
import { asInterface, requiresOnly, tooFewArguments } from './interface-shape.ts';
import { ensurePlatform, type HeadersInit, onPlatform, recognisePlatform, standInFor } from './platform.ts';

export class Headers {
  /** @internal Names in lower case; undefined while the head text has not been read. */
  _names: string[] | undefined;
  /** @internal */
  _values: string[];
  /** @internal The head text, until it is read. */
  _text: string;
  /** @internal */
  _textStart: number;
  /** @internal */
  _textEnd: number;
  /** @internal Where its lines begin, once something has been looked up. */
  _lines: number[] | undefined;
  /** @internal Guard of the Fetch standard: true for those of `Response.error()` and `Response.redirect()`. */
  _immutable: boolean;
  /** @internal Sorted and combined, until the next change. */
  _sorted: readonly Entry[] | undefined;

  constructor(init?: HeadersInit | undefined) {
    ensurePlatform();
    this._names = [];
    this._values = [];
    this._text = '';
    this._textStart = 0;
    this._textEnd = 0;
    this._lines = undefined;
    this._immutable = false;
    this._sorted = undefined;
    if (init !== undefined) appendAll(this._names, this._values, init);
  }

  append(name: string, value: string): void {
    if (arguments.length < 2) throw tooFewArguments('Headers.append', 2, arguments.length);
    const key = fieldName(name);
    const text = fieldValue(value);
    this._edit().push(key);
    this._values.push(text);
  }

  delete(name: string): void {
    if (arguments.length < 1) throw tooFewArguments('Headers.delete', 1, arguments.length);
    const key = fieldName(name);
    removeFrom(this._edit(), this._values, key, 0);
  }

  /** @hot */
  get(name: string): string | null {
    if (arguments.length < 1) throw tooFewArguments('Headers.get', 1, arguments.length);
    const key = fieldName(name);
    const names = this._names;
    if (names === undefined) return findHeadField(this._text, this._index(), key, separatorOf(key));
    const values = this._values;
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== key) continue;
      let value = values[i]!;
      for (i++; i < names.length; i++) if (names[i] === key) value += separatorOf(key) + values[i]!;
      return value;
    }
    return null;
  }

  getSetCookie(): string[] {
    const names = this._names ?? this._read();
    return this._values.filter((_, i) => names[i] === 'set-cookie');
  }

  has(name: string): boolean {
    if (arguments.length < 1) throw tooFewArguments('Headers.has', 1, arguments.length);
    const key = fieldName(name);
    if (this._names === undefined) return findHeadField(this._text, this._index(), key, '') !== null;
    return this._names.includes(key);
  }

  set(name: string, value: string): void {
    if (arguments.length < 2) throw tooFewArguments('Headers.set', 2, arguments.length);
    const key = fieldName(name);
    const text = fieldValue(value);
    const names = this._edit();
    const first = names.indexOf(key);
    if (first === -1) {
      names.push(key);
      this._values.push(text);
    } else {
      this._values[first] = text;
      removeFrom(names, this._values, key, first + 1);
    }
  }

  forEach(callback: (value: string, key: string, headers: Headers) => void, thisArg?: unknown): void {
    if (typeof callback !== 'function')
      throw new TypeError('Headers.forEach: the callback is not a function');
    for (const [name, value] of this.entries()) callback.call(thisArg, value, name, this);
  }

  keys(): HeadersIterator<string> {
    return headersIterator(this, ([name]) => name);
  }

  values(): HeadersIterator<string> {
    return headersIterator(this, ([, value]) => value);
  }

  entries(): HeadersIterator<Entry> {
    return headersIterator(this, ([name, value]) => [name, value]);
  }

  declare [Symbol.iterator]: () => HeadersIterator<Entry>;

  /** @internal JSON shows nothing, as of the platform's objects, whose properties are all getters of the class. */
  toJSON(): object {
    return {};
  }

  /** @internal For `util.inspect`. */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    const plain: Record<string, string> = {};
    for (const name of this._names ?? this._read()) plain[name] = this.get(name)!;
    return `Headers ${inspect(plain, options)}`;
  }

  /** @internal Reads the head text. @hot */
  _read(): string[] {
    const names: string[] = [];
    readHeadFields(this._text, this._index(), names, this._values);
    this._names = names;
    this._text = '';
    this._lines = undefined;
    return names;
  }

  /** @internal @hot */
  _index(): number[] {
    return (this._lines ??= indexHeadLines(this._text, this._textStart, this._textEnd));
  }

  /** @internal The names, about to be changed. */
  _edit(): string[] {
    if (this._immutable) throw new TypeError('immutable');
    this._sorted = undefined;
    return this._names ?? this._read();
  }

  /** @internal The Fetch standard's "sort and combine": by name, set-cookie never combined. */
  _sort(): readonly Entry[] {
    if (this._sorted !== undefined) return this._sorted;
    const names = this._names ?? this._read();
    const all: Entry[] = [];
    for (let i = 0; i < names.length; i++) all.push([names[i]!, this._values[i]!]);
    // The sort is stable, so what repeats stays in the order in which it was set.
    all.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    const entries: Entry[] = [];
    let previous: Entry | undefined;
    for (const entry of all) {
      const name = entry[0];
      if (previous !== undefined && previous[0] === name && name !== 'set-cookie') {
        previous[1] += separatorOf(name) + entry[1];
      } else {
        entries.push(entry);
        previous = entry;
      }
    }
    this._sorted = entries;
    return entries;
  }
}

/** Before anybody can replace it. */
const ENTRIES = Headers.prototype.entries;

onPlatform(({ Headers: Platform }) => standInFor(Headers, Platform));
recognisePlatform(Headers, 'Headers');
asInterface(Headers, 'Headers', 0);
requiresOnly(Headers.prototype.forEach, 1);
// The very same function, as in the platform: undici compares the two.
Object.defineProperty(Headers.prototype, Symbol.iterator, {
  value: ENTRIES,
  writable: true,
  configurable: true,
});

/** Headers over the fields of an accepted head, read when first asked for. @hot */
export function headersOfHead(text: string, start: number, end: number): Headers {
  const headers = new Headers();
  headers._names = undefined;
  headers._text = text;
  headers._textStart = start;
  headers._textEnd = end;
  return headers;
}

/** Headers over lists that are given away to them. */
export function headersOfLists(names: string[], values: string[]): Headers {
  const headers = new Headers();
  headers._names = names;
  headers._values = values;
  return headers;
}

/**
 * Appends everything that `init` holds to the two lists.
 * @throws TypeError for what is no HeadersInit, and for names and values that are not allowed
 */
export function appendAll(names: string[], values: string[], init: unknown): void {
  if ((typeof init !== 'object' && typeof init !== 'function') || init === null) {
    throw new TypeError('Headers: the init is neither Headers, nor a list of pairs, nor a record');
  }
  // The one look at it that WebIDL allows: a list, if it can be iterated, and a record else.
  const iterate: unknown = Reflect.get(init, Symbol.iterator);
  if (iterate === ENTRIES && Object.getPrototypeOf(init) === Headers.prototype) {
    const source = init as Headers;
    const from = source._names ?? source._read();
    for (let i = 0; i < from.length; i++) {
      names.push(from[i]!);
      values.push(source._values[i]!);
    }
    return;
  }
  const pairs = iterate === undefined || iterate === null ? pairsOfRecord(init) : pairsOfList(init, iterate);
  for (const [name, value] of pairs) {
    const key = fieldName(name);
    const text = fieldValue(value);
    names.push(key);
    values.push(text);
  }
}

/**
 * WebIDL's conversion to a record, step by step, since a proxy sees each: https://webidl.spec.whatwg.org/#es-record. Symbols count
 * where they are enumerable, and are no names.
 */
function pairsOfRecord(init: object): Entry[] {
  const pairs = new Map<string, string>();
  for (const key of Reflect.ownKeys(init)) {
    if (Reflect.getOwnPropertyDescriptor(init, key)?.enumerable !== true) continue;
    if (typeof key === 'symbol') throw new TypeError('Headers: a symbol is no header name');
    const name = byteString(key);
    pairs.set(name, byteString(Reflect.get(init, key)));
  }
  return [...pairs];
}

function pairsOfList(init: object, iterate: unknown): Entry[] {
  if (typeof iterate !== 'function') throw new TypeError('Headers: the init is no iterable');
  // By the method that was read already: reading it again could give another.
  const list: Iterable<unknown> = { [Symbol.iterator]: () => iterate.call(init) };
  const pairs: Entry[] = [];
  for (const pair of list) {
    if (typeof pair !== 'object' || pair === null || !(Symbol.iterator in pair)) {
      throw new TypeError('Headers: every item of a list must be a pair of name and value');
    }
    const items = [...(pair as Iterable<unknown>)].map(byteString);
    if (items.length !== 2) {
      throw new TypeError(`Headers: expected a pair of name and value, found ${items.length} items`);
    }
    pairs.push([items[0]!, items[1]!]);
  }
  return pairs;
}

function removeFrom(names: string[], values: string[], key: string, from: number): void {
  let kept = from;
  for (let i = from; i < names.length; i++) {
    if (names[i] === key) continue;
    names[kept] = names[i]!;
    values[kept] = values[i]!;
    kept++;
  }
  names.length = kept;
  values.length = kept;
}

/** RFC 9113 §8.2.3: cookie crumbs are joined by "; ", everything else by a comma. */
function separatorOf(name: string): string {
  return name === 'cookie' ? '; ' : ', ';
}
