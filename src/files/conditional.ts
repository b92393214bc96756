/**
 * What a file can be recognised by (RFC 9110 §8.8), and preconditions of a GET or HEAD (RFC 9110 §13), as
 * pure functions of the header fields and of what is known about the file. Wrong is only what calls two
 * versions the same: in doubt there is no validator, and the file is sent once more.
 */
import { parseHttpDate } from '../protocol/semantics/http-date.ts';

/** The header fields of a request, by lower-case name. */
export interface FieldReader {
  get(name: string): string | null;
}

/** What a representation can be recognised by. */
export interface Validators {
  /** With quotes, and `W/` when weak. */
  readonly entityTag: string | undefined;
  /** What Last-Modified says: whole seconds, in milliseconds since 1970. */
  readonly lastModifiedMs: number | undefined;
  /** No other version has this date, whoever set it: it is a strong validator (RFC 9110 §8.8.2.2). */
  readonly isDateStrong: boolean;
  /** The second in which this version came to be here, at the latest. Infinity when that is not known. */
  readonly sinceMs: number;
}

/**
 * A time of modification before HTTP (1990) is none: it is what builds set that shall come out the same every
 * time (0 and 1: Nix; 1980: archives; 1985: npm). Caddy leaves out 0 and 1 (caddyserver/caddy#5548).
 */
const MODIFIED_MS_MIN = Date.UTC(1990, 0, 1);

/**
 * The second must be over before its date can be said to be that of one version, and the tick of the clock with it:
 * files are stamped with the last one, 10 ms ago at the most. File systems such as FAT keep two seconds.
 */
const FINE_SECOND_MS = 1020;
const COARSE_SECOND_MS = 3000;

/** What of an open file goes into its validators. */
interface VersionFacts {
  readonly version: string | undefined;
  readonly modifiedMs: number;
  readonly changedMs: number;
}

/** @param nowMs from before the file was opened: what was changed since counts as changing */
export function validatorsOf(file: VersionFacts, nowMs: number): Validators {
  const entityTag = file.version === undefined ? undefined : `"${file.version}"`;
  const { modifiedMs, changedMs } = file;
  const sinceMs = wholeSecond(Math.max(modifiedMs, changedMs));
  // RFC 9110 §8.8.2.1: never later than the Date of the answer.
  if (!(modifiedMs >= MODIFIED_MS_MIN && modifiedMs <= nowMs)) {
    return { entityTag, lastModifiedMs: undefined, isDateStrong: false, sinceMs };
  }
  const lastModifiedMs = wholeSecond(modifiedMs);
  // A date that is earlier than the last change was set, and may have been set on the version before too.
  const isDateStrong = lastModifiedMs === sinceMs;
  const secondMs = modifiedMs % 1000 === 0 ? COARSE_SECOND_MS : FINE_SECOND_MS;
  // The present second's date would be that of the next version too, if there is one soon.
  if (isDateStrong && nowMs < sinceMs + secondMs) {
    return { entityTag, lastModifiedMs: undefined, isDateStrong: false, sinceMs };
  }
  return { entityTag, lastModifiedMs, isDateStrong, sinceMs };
}

type Precondition = 'proceed' | 'not-modified' | 'failed';

export function evaluatePreconditions(
  fields: FieldReader,
  validators: Validators,
  nowMs: number,
): Precondition {
  const { entityTag, lastModifiedMs } = validators;
  const ifMatch = fields.get('if-match');
  if (ifMatch !== null) {
    if (!listMatches(ifMatch, entityTag, strongEqual)) return 'failed';
  } else if (lastModifiedMs !== undefined && lastModifiedMs > dateOf(fields, 'if-unmodified-since', nowMs)) {
    return 'failed';
  }
  const ifNoneMatch = fields.get('if-none-match');
  if (ifNoneMatch !== null) {
    return listMatches(ifNoneMatch, entityTag, weakEqual) ? 'not-modified' : 'proceed';
  }
  return isUnmodifiedSince(validators, dateOf(fields, 'if-modified-since', nowMs))
    ? 'not-modified'
    : 'proceed';
}

/**
 * Whether a copy of that date is this version. A date that was set proves nothing by being the same; a copy
 * that was fetched after the last change, whatever it is dated by, is this version all the same.
 */
function isUnmodifiedSince(validators: Validators, dateMs: number): boolean {
  const { lastModifiedMs, isDateStrong, sinceMs } = validators;
  // RFC 9110 §13.1.3: ignored where there is no date.
  if (lastModifiedMs === undefined) return false;
  return dateMs > sinceMs || (isDateStrong && dateMs === sinceMs);
}

/** Whether a Range may be applied: without If-Range always, else only on an exact, strong match (RFC 9110 §13.1.5). */
export function rangeApplies(fields: FieldReader, validators: Validators, nowMs: number): boolean {
  const ifRange = fields.get('if-range');
  if (ifRange === null) return true;
  const value = ifRange.trim();
  const { entityTag, lastModifiedMs, isDateStrong } = validators;
  if (value.startsWith('"') || value.startsWith('W/'))
    return entityTag !== undefined && strongEqual(value, entityTag);
  return isDateStrong && parseHttpDate(value, nowMs) === lastModifiedMs;
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** NaN, to which nothing compares, when there is no valid date: such a field is ignored (RFC 9110 §13.1.3). */
function dateOf(fields: FieldReader, name: string, nowMs: number): number {
  const value = fields.get(name);
  return value === null ? Number.NaN : parseHttpDate(value.trim(), nowMs);
}

function strongEqual(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/');
}

function weakEqual(a: string, b: string): boolean {
  return (a.startsWith('W/') ? a.slice(2) : a) === (b.startsWith('W/') ? b.slice(2) : b);
}

/** RFC 9110 §8.8.3: a tag may hold commas, so the list is walked tag by tag and not split. */
function listMatches(
  list: string,
  tag: string | undefined,
  equal: (a: string, b: string) => boolean,
): boolean {
  if (list.trim() === '*') return true;
  if (tag === undefined) return false;
  const tags = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
  for (let match = tags.exec(list); match !== null; match = tags.exec(list)) {
    if (equal(match[0], tag)) return true;
  }
  return false;
}
