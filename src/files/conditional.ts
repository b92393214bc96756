/**
 * Preconditions of a GET or HEAD (RFC 9110 §13), as a pure function of the header fields and of what is
 * known about the file. The order of evaluation is that of RFC 9110 §13.2.2.
 */
import { parseHttpDate } from '../protocol/semantics/http-date.ts';

/** The header fields of a request, by lower-case name. */
export interface FieldReader {
  get(name: string): string | null;
}

/** What a representation can be recognised by. */
export interface Validators {
  /** With quotes, and `W/` when weak. */
  readonly entityTag: string;
  /** Whole seconds, in milliseconds since 1970, as Last-Modified says it. */
  readonly lastModifiedMs: number;
  /** False while the file could still change within its second (RFC 9110 §8.8.2.2). */
  readonly isStrong: boolean;
}

export type Precondition = 'proceed' | 'not-modified' | 'failed';

export function evaluatePreconditions(
  fields: FieldReader,
  validators: Validators,
  nowMs: number,
): Precondition {
  const ifMatch = fields.get('if-match');
  if (ifMatch !== null) {
    if (!listMatches(ifMatch, validators.entityTag, strongEqual)) return 'failed';
  } else {
    if (validators.lastModifiedMs > dateOf(fields, 'if-unmodified-since', nowMs)) return 'failed';
  }
  const ifNoneMatch = fields.get('if-none-match');
  if (ifNoneMatch !== null) {
    return listMatches(ifNoneMatch, validators.entityTag, weakEqual) ? 'not-modified' : 'proceed';
  }
  return validators.lastModifiedMs <= dateOf(fields, 'if-modified-since', nowMs) ? 'not-modified' : 'proceed';
}

/** Whether a Range may be applied: without If-Range always, else only on an exact, strong match (RFC 9110 §13.1.5). */
export function rangeApplies(fields: FieldReader, validators: Validators, nowMs: number): boolean {
  const ifRange = fields.get('if-range');
  if (ifRange === null) return true;
  const value = ifRange.trim();
  if (value.startsWith('"') || value.startsWith('W/')) return strongEqual(value, validators.entityTag);
  return validators.isStrong && parseHttpDate(value, nowMs) === validators.lastModifiedMs;
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
function listMatches(list: string, tag: string, equal: (a: string, b: string) => boolean): boolean {
  if (list.trim() === '*') return true;
  const tags = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
  for (let match = tags.exec(list); match !== null; match = tags.exec(list)) {
    if (equal(match[0], tag)) return true;
  }
  return false;
}
