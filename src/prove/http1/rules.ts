/**
 * What RFC 9110 and 9112 ask of a server that is sent something else than HTTP, one row a rule: how much freedom they leave,
 * and how bad it is to accept it all the same. A rule is `high` where two servers in a row would then disagree where a
 * request ends, which is how requests are smuggled.
 */
import type { Severity } from '../finding.ts';

interface Rule {
  readonly section: string;
  /** In which part of a message the fault is: behind a head, an answer may have come before the fault was read. */
  readonly part: 'head' | 'content';
  /** `must`: the RFC lets no server accept it. `may`: a server may repair it, as the section says; ours refuses. */
  readonly level: 'must' | 'may';
  readonly severity: Severity;
  /** What was sent, as a part of a sentence: `a request with ...`. */
  readonly what: string;
}

function must(section: string, severity: Severity, what: string, part: Rule['part'] = 'head'): Rule {
  return { section, part, level: 'must', severity, what };
}

function may(section: string, severity: Severity, what: string, part: Rule['part'] = 'head'): Rule {
  return { section, part, level: 'may', severity, what };
}

export const RULES = {
  'request-line': must('RFC 9112 §3', 'medium', 'a request line that is none'),
  'request-target': must(
    'RFC 9112 §3.2',
    'medium',
    'a target with white space, control characters or a fragment',
  ),
  'target-octets': may('RFC 9112 §3.2', 'low', 'a target with octets beyond ASCII'),
  'request-line-space': may(
    'RFC 9112 §3',
    'low',
    'more or other white space in the request line than one space',
  ),
  version: must('RFC 9112 §2.3', 'medium', 'a version that is not HTTP/1.x'),
  'bare-lf': may('RFC 9112 §2.2', 'low', 'lines of the head that end in LF alone'),
  'bare-cr': may('RFC 9112 §2.2', 'medium', 'a CR in its head that no LF follows'),
  nul: may('RFC 9110 §5.5', 'medium', 'NUL in a field value'),
  'control-in-value': may('RFC 9110 §5.5', 'low', 'control characters in a field value'),
  'space-before-colon': must('RFC 9112 §5.1', 'high', 'white space between a field name and its colon'),
  'line-folding': may('RFC 9112 §5.2', 'low', 'a folded field line'),
  'space-before-fields': may('RFC 9112 §2.2', 'low', 'white space before the first field line'),
  'field-name': may('RFC 9110 §5.1', 'low', 'a field name that is no token'),
  'no-colon': may('RFC 9112 §5', 'low', 'a field line without a colon'),
  'no-host': must('RFC 9112 §3.2', 'medium', 'no Host field in HTTP/1.1'),
  'two-hosts': must('RFC 9112 §3.2', 'medium', 'more than one Host field'),
  'bad-host': may('RFC 9112 §3.2', 'low', 'a Host field that names no host'),
  'bad-length': must('RFC 9112 §6.3', 'high', 'a Content-Length that is no decimal number'),
  'two-lengths': must('RFC 9112 §6.3', 'high', 'two Content-Length values that differ'),
  'same-lengths': may('RFC 9112 §6.3', 'low', 'the same Content-Length more than once'),
  'length-and-coding': must('RFC 9112 §6.3', 'high', 'both Content-Length and Transfer-Encoding', 'content'),
  'coding-not-final': must('RFC 9112 §6.3', 'high', 'a Transfer-Encoding whose last coding is not chunked'),
  'coding-twice': must('RFC 9112 §6.1', 'high', 'the chunked coding applied twice'),
  'coding-unknown': may('RFC 9112 §6.1', 'low', 'a transfer coding before chunked that few know'),
  'coding-list': may('RFC 9110 §5.6.1.2', 'low', 'a Transfer-Encoding with an empty element in its list'),
  'coding-in-1.0': must('RFC 9112 §6.1', 'high', 'Transfer-Encoding in HTTP/1.0', 'content'),
  'chunk-size': must('RFC 9112 §7.1', 'high', 'a chunk size that is no hexadecimal number', 'content'),
  'chunk-size-overflow': must('RFC 9112 §7.1', 'high', 'a chunk size beyond 64 bits', 'content'),
  'chunk-size-zeros': may('RFC 9112 §7.1', 'low', 'a chunk size of more than 16 digits', 'content'),
  'chunk-end': must('RFC 9112 §7.1', 'high', 'chunk data that does not end in CRLF', 'content'),
  // Not a line of a head, so no server may repair it; whoever takes two bytes unseen reads the next size otherwise.
  'chunk-end-lf': must('RFC 9112 §7.1', 'medium', 'chunk data that ends in LF alone', 'content'),
  'chunk-line-end': may('RFC 9112 §2.2', 'medium', 'a chunk size line that ends in LF alone', 'content'),
  'chunk-space': may('RFC 9112 §7.1.1', 'low', 'white space behind a chunk size', 'content'),
  'chunk-extension': must(
    'RFC 9112 §7.1.1',
    'medium',
    'a chunk extension with a CR, LF or NUL in it',
    'content',
  ),
  'chunk-extension-grammar': may(
    'RFC 9112 §7.1.1',
    'low',
    'a chunk extension that has no name, or one that is no token',
    'content',
  ),
  // A sender may not generate them there, so whoever sends them is no good client.
  'trailer-frames': may('RFC 9110 §6.5.1', 'low', 'a field for framing or routing in its trailer', 'content'),
  trailer: may('RFC 9112 §7.1.2', 'low', 'a trailer line that is no field line', 'content'),
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
