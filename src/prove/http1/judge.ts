/**
 * Judges what a server did with a stream of requests against the reading that the RFCs give to it. It sees statuses, ends
 * and counts: enough to tell whether a request was accepted, and whether the server went on behind it.
 */
import type { Severity } from '../finding.ts';
import type { Wire } from '../wire/wire.ts';
import { RULES, type RuleName } from './rules.ts';
import { isInHead, type ReadRequest, readStream, type StreamReading } from './strict-reader.ts';

export interface Verdict {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly meaning: string;
  readonly rule: string;
}

/** What was seen, without its moments. */
export interface Observed {
  readonly statuses: readonly number[];
  /** The peer has ended the connection. */
  readonly isEnded: boolean;
  readonly wasReset: boolean;
  readonly nonsense: string | undefined;
  /** The last answer said that the connection ends. */
  readonly saysClose: boolean;
}

/** A server may refuse longer heads: nginx and Node begin at 8 and 16 KiB. */
const HEAD_BYTES_ALWAYS_TAKEN = 7000;
const SMUGGLING =
  'Behind a proxy that reads it otherwise, a client can put a request into the connection of another one.';

export function observe(wire: Wire): Observed {
  const { all, nonsense } = wire.answers;
  return {
    statuses: all.map(({ status }) => status),
    isEnded: wire.isEnded,
    wasReset: wire.wasReset,
    nonsense,
    saysClose: /close/i.test(all.at(-1)?.fields.get('connection') ?? ''),
  };
}

/** How a server read a stream, in a few words that can be compared. */
export function signatureOf({ statuses, isEnded, nonsense }: Observed): string {
  if (nonsense !== undefined) return 'no HTTP';
  if (statuses.length === 0) return isEnded ? 'closes' : 'waits';
  return `${statuses.join(' ')}${isEnded ? ', closes' : ''}`;
}

/** @param isStrict the server has said that it repairs nothing */
export function judgeStream(bytes: string, seen: Observed, isStrict: boolean): Verdict | undefined {
  if (seen.nonsense !== undefined)
    return {
      id: 'answer-is-no-http',
      severity: 'high',
      title: `The server answered with something that is no HTTP/1.1 message: ${seen.nonsense}.`,
      meaning: 'Clients and proxies cannot tell where such an answer ends.',
      rule: 'RFC 9112 §2.1',
    };
  const reading = readStream(bytes, isStrict);
  if (reading.fault !== undefined) return judgeFault(reading, reading.fault, seen, isStrict);
  return reading.isWhole ? judgeWhole(bytes, reading, seen) : judgeUnfinished(reading, seen);
}

const isSuccess = (status: number | undefined): boolean => status !== undefined && status < 400;

function judgeFault(
  { requests }: StreamReading,
  fault: RuleName,
  { statuses }: Observed,
  isStrict: boolean,
): Verdict | undefined {
  const { what, section, severity, level } = RULES[fault];
  const at = requests.length;
  const isPromise = level === 'may' && isStrict;
  const meaning =
    severity === 'high'
      ? SMUGGLING
      : isPromise
        ? 'The RFC lets a server repair that; this one promises to refuse it, since two parsers may repair it in two ways.'
        : 'What two parsers could read in two ways is to be refused.';
  if (isInHead(fault) && isSuccess(statuses[at]))
    return {
      id: fault,
      severity,
      rule: section,
      meaning,
      title: `A request with ${what} was answered with ${statuses[at]}.`,
    };
  // Where the end of a request is not known, nothing behind it may be read as one.
  const behind = statuses.slice(at + 1).find(isSuccess);
  if (behind === undefined || (isInHead(fault) && severity !== 'high')) return undefined;
  const title = `Behind a request with ${what} the connection went on, and the next request was answered with ${behind}.`;
  return { id: `${fault}-goes-on`, severity, rule: section, meaning, title };
}

function judgeUnfinished(
  { requests, hasOpenContent }: StreamReading,
  { statuses }: Observed,
): Verdict | undefined {
  const early = statuses[requests.length + (hasOpenContent ? 1 : 0)];
  if (!isSuccess(early)) return undefined;
  return {
    id: 'answered-unfinished',
    severity: 'high',
    title: `A request whose end had not come was answered with ${early}.`,
    meaning: `The server ends requests where nobody else does. ${SMUGGLING}`,
    rule: 'RFC 9112 §6.3',
  };
}

function judgeWhole(bytes: string, reading: StreamReading, seen: Observed): Verdict | undefined {
  const { requests, liberties } = reading;
  const { statuses, isEnded, saysClose } = seen;
  if (statuses.length > requests.length && isSuccess(statuses[requests.length]))
    return {
      id: 'more-answers-than-requests',
      severity: 'high',
      title: `${requests.length} requests were answered ${statuses.length} times.`,
      meaning: `A part of one request was taken for another. ${SMUGGLING}`,
      rule: 'RFC 9112 §6.3',
    };
  if (liberties.size > 0) return undefined;
  if (statuses.includes(400) && longestHead(bytes) < HEAD_BYTES_ALWAYS_TAKEN && requests.every(isOrdinary))
    return {
      id: 'valid-refused',
      severity: 'medium',
      title: 'A request with nothing wrong in it was refused with 400.',
      meaning: 'Some clients cannot use this server.',
      rule: 'RFC 9110 §15.5.1',
    };
  if (statuses.length >= requests.length || !statuses.every(isSuccess)) return undefined;
  if (!isEnded)
    return {
      id: 'valid-unanswered',
      severity: 'high',
      title: `Of ${requests.length} whole requests only ${statuses.length} were answered, and the connection stays open.`,
      meaning: 'The client waits for an answer that never comes.',
      rule: 'RFC 9110 §3.4',
    };
  if (saysClose || requests.some(({ version }) => version === 'HTTP/1.0')) return undefined;
  return {
    id: 'ended-without-answer',
    severity: 'medium',
    title: `Of ${requests.length} whole requests ${statuses.length} were answered; then the connection ended without a word.`,
    meaning: 'The client cannot tell whether the rest was acted on.',
    rule: 'RFC 9112 §9.6',
  };
}

/** With another method or a target that is no path, a server may have reasons of its own. */
function isOrdinary({ method, target, version }: ReadRequest): boolean {
  return /^(GET|POST)$/.test(method) && /^\/[\w/.?=-]*$/.test(target) && /^HTTP\/1\.[01]$/.test(version);
}

function longestHead(bytes: string): number {
  return Math.max(...bytes.split('\r\n\r\n').map(({ length }) => length));
}
