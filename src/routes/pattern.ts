/** A pattern of `routes`, read into its segments: literal text, `:name` for one segment, `*` for all that is left. */
import { OptionError } from '../base/errors.ts';
import { decodedSegment, SEGMENTS_MAX } from './path-segments.ts';

interface Segment {
  readonly kind: 'literal' | 'param' | 'wildcard';
  /** Decoded text, or the name; empty for a wildcard. */
  readonly text: string;
}

const PARAM = /^[A-Za-z_]\w*$/;
const ALLOWED = "a path as '/', '/shops/:shop/:id' or '/static/*'";

/** @throws OptionError that names the pattern */
export function parsePattern(pattern: string): readonly Segment[] {
  const refuse = (why: string): never => {
    throw new OptionError('routes', pattern, `${why}; ${ALLOWED} is`);
  };
  if (!pattern.startsWith('/')) refuse('it does not begin with a slash');
  if (/[?#]/.test(pattern)) refuse('query and fragment are no part of a pattern');
  if (/[\0- \\\x7f]/.test(pattern)) refuse('a path has no blanks, backslashes and control characters');
  const parts = pattern.slice(1).split('/');
  if (parts.length > SEGMENTS_MAX) refuse(`it has more than ${SEGMENTS_MAX} segments`);
  const names = new Set<string>();
  return parts.map((part, i): Segment => {
    if (part.startsWith(':')) {
      const name = part.slice(1);
      if (!PARAM.test(name) || name === '__proto__') refuse(`${part} is no name of a parameter`);
      if (names.has(name)) refuse(`the parameter ${part} is there twice`);
      names.add(name);
      return { kind: 'param', text: name };
    }
    if (part === '*') {
      if (i !== parts.length - 1) refuse('* stands for all that is left, so nothing may follow it');
      return { kind: 'wildcard', text: '' };
    }
    if (part.includes('*')) refuse('* stands for whole segments');
    const text = decodedSegment(part);
    if (text === '.' || text === '..') refuse('clients resolve . and .. before they ask');
    return { kind: 'literal', text };
  });
}
