/**
 * Reads values that came from elsewhere, field by field: each is named, typed and bounded where it is
 * read, and what does not fit is refused by its path. Unknown fields are ignored.
 */
import { WireError } from './frame.ts';

export class Fields {
  readonly #of: Readonly<Record<string, unknown>>;
  readonly path: string;

  /** @throws WireError when `value` is no object */
  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unfit(path, 'an object');
    this.#of = value as Readonly<Record<string, unknown>>; // an object, and no more is taken for granted
    this.path = path;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  text(name: string, lengthMax: number): string {
    const value = this.#value(name);
    if (typeof value !== 'string' || value.length > lengthMax)
      throw unfit(this.at(name), `text of at most ${lengthMax} characters`);
    return value;
  }

  number(name: string, min: number, max: number): number {
    return checkNumber(this.#value(name), this.at(name), min, max);
  }

  integer(name: string, min: number, max: number): number {
    const value = this.number(name, min, max);
    if (!Number.isSafeInteger(value)) throw unfit(this.at(name), 'a whole number');
    return value;
  }

  flag(name: string): boolean {
    const value = this.#value(name);
    if (typeof value !== 'boolean') throw unfit(this.at(name), 'true or false');
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#value(name);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw unfit(this.at(name), `one of ${choices.join(', ')}`);
    return found;
  }

  object(name: string): Fields {
    return new Fields(this.#value(name), this.at(name));
  }

  list<T>(name: string, countMax: number, read: (value: unknown, path: string) => T): T[] {
    const value = this.#value(name);
    if (!Array.isArray(value) || value.length > countMax)
      throw unfit(this.at(name), `a list of at most ${countMax}`);
    return value.map((each, index) => read(each, `${this.at(name)}[${index}]`));
  }

  /** A list of finite numbers of at least 0, long ones: no path is made for each. */
  counts(name: string, countMax: number): number[] {
    const value = this.#value(name);
    const isSound =
      Array.isArray(value) &&
      value.length <= countMax &&
      value.every((each) => typeof each === 'number' && each >= 0 && each < Number.POSITIVE_INFINITY);
    if (!isSound) throw unfit(this.at(name), `a list of at most ${countMax} numbers`);
    return value as number[]; // every one has been looked at
  }

  /** `read` where the field is there. */
  maybe<T>(name: string, read: (name: string) => T): T | undefined {
    return this.has(name) ? read(name) : undefined;
  }

  /** An object whose every field is read the same way. */
  record<T>(name: string, countMax: number, read: (fields: Fields, name: string) => T): Record<string, T> {
    const inner = this.object(name);
    const names = Object.keys(inner.#of);
    if (names.length > countMax) throw unfit(this.at(name), `an object of at most ${countMax} fields`);
    // Names come from elsewhere: one that is `__proto__` must stay a plain field.
    return Object.fromEntries(names.map((each) => [each, read(inner, each)]));
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#of, name) ? this.#of[name] : undefined;
  }
}

function checkNumber(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw unfit(path, `a number from ${min} to ${max}`);
  return value;
}

export function unfit(path: string, allowed: string): WireError {
  return new WireError('malformed', `${path || 'the message'} is not ${allowed}`);
}
