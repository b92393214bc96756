/** The flags of `holdfast siege`: siege's own letters and meanings, and a few of ours. */
import { OptionError } from '../base/errors.ts';
import type { FlagTable } from './arguments.ts';

const SIEGE = 'As in siege';
const OURS = 'Beyond siege';

// biome-ignore format: one flag a line reads as the table that it is
export const SIEGE_FLAGS = {
  concurrent: { kind: 'integer', short: 'c', metavar: 'N', min: 1, max: 1_000_000, defaultText: '25', group: SIEGE, help: 'users at once' },
  time: { kind: 'text', short: 't', metavar: 'TIME', group: SIEGE, help: 'how long: 20S, 5M or 1H; a bare number is minutes' },
  reps: { kind: 'text', short: 'r', metavar: 'N', group: SIEGE, help: "requests of each user, or 'once': through the file once" },
  delay: { kind: 'text', short: 'd', metavar: 'SECONDS', defaultText: '0.5', group: SIEGE, help: 'each user pauses a random time up to this between requests' },
  benchmark: { kind: 'switch', short: 'b', group: SIEGE, help: 'no pauses, whatever --delay says' },
  file: { kind: 'text', short: 'f', metavar: 'FILE', group: SIEGE, help: 'URLs, one a line' },
  header: { kind: 'list', short: 'H', metavar: 'HEADER', group: SIEGE, help: "'Name: value'; may be given several times" },
  'user-agent': { kind: 'text', short: 'A', metavar: 'TEXT', group: SIEGE, help: 'sets User-Agent' },
  'content-type': { kind: 'text', short: 'T', metavar: 'TEXT', group: SIEGE, help: 'sets Content-Type' },
  internet: { kind: 'switch', short: 'i', group: SIEGE, help: 'each user takes the URLs of the file at random' },
  log: { kind: 'text', short: 'l', metavar: 'FILE', isOptional: true, defaultText: 'logfile of the resource file, else ~/.siege/siege.log', group: SIEGE, help: "add a line for this run to siege's log" },
  mark: { kind: 'text', short: 'm', metavar: 'TEXT', group: SIEGE, help: 'put this before that line; turns --log on' },
  rc: { kind: 'text', short: 'R', metavar: 'FILE', defaultText: '$SIEGERC, else ~/.siege/siege.conf', group: SIEGE, help: "take siege's settings from this resource file; flags count before it" },
  get: { kind: 'switch', short: 'g', group: SIEGE, help: 'no siege: make one request (HEAD, or as gmethod says) and show both heads' },
  print: { kind: 'switch', short: 'p', group: SIEGE, help: 'as --get, by GET, and show the page too' },
  'no-parser': { kind: 'switch', group: SIEGE, help: 'accepted: what a page refers to is never loaded' },
  'no-follow': { kind: 'switch', group: SIEGE, help: 'accepted: redirects are never followed' },
  'json-output': { kind: 'switch', short: 'j', group: SIEGE, help: 'the summary as JSON on standard output, text on standard error' },
  quiet: { kind: 'switch', short: 'q', group: SIEGE, help: 'no words but the summary' },
  verbose: { kind: 'switch', short: 'v', group: SIEGE, help: 'accepted, and without effect: there is no line for each request' },

  'keep-alive': { kind: 'switch', group: OURS, help: "keep connections, as siege does with 'connection = keep-alive'" },
  'source-addresses': { kind: 'text', metavar: 'LIST', group: OURS, help: 'connect from these, in turn: 127.0.0.2-127.0.0.9; each has source ports of its own' },
  cacert: { kind: 'text', metavar: 'FILE', group: OURS, help: 'https: trust these roots too (PEM)' },
  insecure: { kind: 'switch', short: 'k', group: OURS, help: 'https: take any certificate, as siege does' },
  cert: { kind: 'text', metavar: 'FILE', group: OURS, help: 'https: show this certificate (PEM, the chain behind it), with --key' },
  key: { kind: 'text', metavar: 'FILE', group: OURS, help: 'https: its private key (PEM)' },
  'server-name': { kind: 'text', metavar: 'NAME', defaultText: "the URL's host", group: OURS, help: 'https: whom to ask for (SNI), and whom the certificate has to name' },
  'no-resume': { kind: 'switch', group: OURS, help: 'https: a full handshake for each connection' },
  timeout: { kind: 'text', metavar: 'TIME', defaultText: '30s', group: OURS, help: 'for connecting, and for each answer' },
  threads: { kind: 'integer', metavar: 'N', min: 1, max: 256, word: 'auto', defaultText: 'auto', group: OURS, help: 'threads that make the load' },
  engine: { kind: 'choice', metavar: 'ENGINE', choices: ['auto', 'iouring', 'epoll', 'node'], defaultText: 'auto', group: OURS, help: 'what moves the bytes' },
  save: { kind: 'text', metavar: 'FILE', group: OURS, help: 'write the whole result as JSON, as holdfast load does' },
  html: { kind: 'text', metavar: 'FILE', group: OURS, help: 'write a report for the browser, in one file' },
  help: { kind: 'switch', short: 'h', group: OURS, help: 'this page' },
} as const satisfies FlagTable;

export const SIEGE_USAGE = `Usage: holdfast siege [FLAGS] URL
       holdfast siege [FLAGS] -f urls.txt
       holdfast siege -g URL

holdfast load for fingers that know siege: its flags, its summary, and below
the summary what limited the result.
  holdfast siege -b -c 10 -t 20S http://127.0.0.1:8080/

As with siege each request has a connection of its own, and a siege with
neither --time nor --reps lasts until Ctrl-C.
`;

const TIME = /^(\d+(?:\.\d+)?)([smh]?)$/i;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, '': 60_000 };

/** `20S`, `5M`, `1H`; minutes when nothing is said. @throws OptionError */
export function parseSiegeTime(option: string, text: string): number {
  const match = TIME.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * UNIT_MS[match[2]!.toLowerCase()]!;
  if (!(ms > 0))
    throw new OptionError(option, text, 'a time such as 20S, 5M or 1H; a bare number is minutes');
  return ms;
}

/** @returns requests of each user; 0 for `once` @throws OptionError */
export function parseReps(option: string, text: string): number {
  if (text.toLowerCase() === 'once') return 0;
  const reps = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (reps < 1) throw new OptionError(option, text, "a whole number from 1, or 'once'");
  return reps;
}

/** @returns milliseconds @throws OptionError */
export function parseDelay(option: string, text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= 0 && seconds <= 86_400))
    throw new OptionError(option, text, 'seconds, with fractions: 0.5');
  return seconds * 1000;
}
