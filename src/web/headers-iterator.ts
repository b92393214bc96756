/**
 * What `keys()`, `values()` and `entries()` of Headers return: WebIDL's default iterator objects, which have a prototype
 * of their own and are live, so that what is set during an iteration is seen by it.
 * https://webidl.spec.whatwg.org/#es-default-iterator-object
 */

export type Entry = [name: string, value: string];

export type HeadersIterator<T> = IterableIterator<T, undefined, undefined>;

/** What is iterated, as it is at the moment of the call: sorted and combined. */
interface EntryList {
  _sort(): readonly Entry[];
}

class DefaultIterator {
  readonly #list: EntryList;
  readonly #pick: (entry: Entry) => unknown;
  #at = 0;

  constructor(list: EntryList, pick: (entry: Entry) => unknown) {
    this.#list = list;
    this.#pick = pick;
  }

  /** @throws TypeError when it is called on anything else, as the private fields see to */
  next(): IteratorResult<unknown, undefined> {
    const entry = this.#list._sort()[this.#at];
    if (entry === undefined) return { value: undefined, done: true };
    this.#at++;
    return { value: this.#pick(entry), done: false };
  }
}

/** %IteratorPrototype%, which makes it iterable and has what the language adds to iterators. */
const IteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

Object.setPrototypeOf(DefaultIterator.prototype, IteratorPrototype);
Object.defineProperty(DefaultIterator.prototype, 'next', { enumerable: true });
Object.defineProperty(DefaultIterator.prototype, Symbol.toStringTag, {
  value: 'Headers Iterator',
  configurable: true,
});
// No constructor that a program could reach.
Reflect.deleteProperty(DefaultIterator.prototype, 'constructor');

/** @param pick what of each entry is given out */
export function headersIterator<T>(list: EntryList, pick: (entry: Entry) => T): HeadersIterator<T> {
  return new DefaultIterator(list, pick) as unknown as HeadersIterator<T>;
}
