/**
 * Finds the pattern of a path in a tree by segments: at each, literal text comes before a parameter, and that before a wildcard. Where the
 * better one leads nowhere the next is tried. Each place of the tree is come to by one way alone, so no path costs more than the
 * tree has places, however it is made.
 */
import { OptionError } from '../base/errors.ts';
import { ownText } from '../web/own-text.ts';
import { hashOf, type PathSegments } from './path-segments.ts';
import { parsePattern } from './pattern.ts';

/** A pattern, and what it was given. */
interface Entry<T> {
  readonly pattern: string;
  readonly value: T;
  /** Names of parameters, and in which segments they are. */
  readonly names: readonly string[];
  readonly places: readonly number[];
  /** The segment at which its wildcard begins; -1 without one. */
  readonly wildcardAt: number;
}

class Place<T> {
  readonly literal: string;
  /** By the hash of their text. */
  readonly literals = new Map<number, Place<T>[]>();
  param: Place<T> | undefined;
  entry: Entry<T> | undefined;
  wildcard: Entry<T> | undefined;

  constructor(literal: string) {
    this.literal = literal;
  }
}

export class RouteTable<T> {
  readonly #root = new Place<T>('');

  /** @throws OptionError for a pattern that is none, and for two that mean the same paths */
  add(pattern: string, value: T): void {
    const segments = parsePattern(pattern);
    const names: string[] = [];
    const places: number[] = [];
    let place = this.#root;
    let wildcardAt = -1;
    for (const [i, { kind, text }] of segments.entries()) {
      if (kind === 'literal') place = literalOf(place, text);
      else if (kind === 'wildcard') wildcardAt = i;
      else {
        names.push(text);
        places.push(i);
        place.param ??= new Place<T>('');
        place = place.param;
      }
    }
    const slot = wildcardAt === -1 ? 'entry' : 'wildcard';
    const before = place[slot];
    if (before !== undefined)
      throw new OptionError('routes', pattern, `${before.pattern} means the same paths already`);
    place[slot] = { pattern, value, names, places, wildcardAt };
  }

  /** @hot */
  find(path: PathSegments): Entry<T> | undefined {
    return findIn(this.#root, path, 0);
  }
}

function literalOf<T>(place: Place<T>, text: string): Place<T> {
  const hash = hashOf(text);
  let same = place.literals.get(hash);
  if (same === undefined) place.literals.set(hash, (same = []));
  let next = same.find(({ literal }) => literal === text);
  if (next === undefined) same.push((next = new Place<T>(text)));
  return next;
}

/** @hot */
function findIn<T>(place: Place<T>, path: PathSegments, i: number): Entry<T> | undefined {
  // A wildcard is the folder itself as well, as `/static/*` for `/static`.
  if (i === path.count) return place.entry ?? place.wildcard;
  const start = path.starts[i]!;
  const end = path.ends[i]!;
  const same = place.literals.get(path.hashes[i]!);
  if (same !== undefined) {
    for (let k = 0; k < same.length; k++) {
      const next = same[k]!;
      if (next.literal.length !== end - start || !path.text.startsWith(next.literal, start)) continue;
      const found = findIn(next, path, i + 1);
      if (found !== undefined) return found;
      break;
    }
  }
  if (place.param !== undefined && end > start) {
    const found = findIn(place.param, path, i + 1);
    if (found !== undefined) return found;
  }
  return place.wildcard;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** What the parameters of an entry are in the path in which it was found; texts of their own, which keep nothing else alive. */
export function paramsOf(entry: Entry<unknown>, path: PathSegments): Readonly<Record<string, string>> {
  const { names, places, wildcardAt } = entry;
  if (names.length === 0 && wildcardAt === -1) return NO_PARAMS;
  const params: Record<string, string> = {};
  const { text, starts, ends, count, end } = path;
  for (let i = 0; i < names.length; i++)
    params[names[i]!] = ownText(text, starts[places[i]!]!, ends[places[i]!]!);
  if (wildcardAt !== -1) params['*'] = wildcardAt < count ? ownText(text, starts[wildcardAt]!, end) : '';
  return params;
}
