/** The flags of `holdfast load`: its manual and its parser at once. */
import type { FlagTable } from './arguments.ts';

const LOAD = 'How much, TIME as 500ms, 10s, 2m or a number of seconds';
const REQUEST = 'What to ask';
const TLS = 'TLS, for https targets; what Node trusts is trusted';
const MACHINES = 'Load from many machines, each running holdfast load-agent';
const JUDGE = 'What must be kept; else the exit code is 99';
const OUTPUT = 'What to say';

// biome-ignore format: one flag a line reads as the table that it is
export const LOAD_FLAGS = {
  connections: { kind: 'text', short: 'c', metavar: 'N', defaultText: '50', group: LOAD, help: 'connections open at once, over all threads' },
  duration: { kind: 'text', short: 'd', metavar: 'TIME', defaultText: '10s', group: LOAD, help: 'how long to measure' },
  requests: { kind: 'text', short: 'n', metavar: 'N', group: LOAD, help: 'requests to make in all (10k, 1m), in place of a duration or at most within it' },
  threads: { kind: 'integer', short: 't', metavar: 'N', min: 1, max: 256, word: 'auto', defaultText: 'auto: one for 16 connections, at most half of the cores and 4', group: LOAD, help: 'threads that make the load' },
  rate: { kind: 'text', short: 'r', metavar: 'N', group: LOAD, help: 'requests a second to begin, whatever the server does; latency then counts from when each should have left' },
  pipeline: { kind: 'integer', metavar: 'N', min: 1, max: 1024, defaultText: '1', group: LOAD, help: 'requests under way at once on each connection' },
  h2: { kind: 'switch', group: LOAD, help: 'speak HTTP/2, in the clear with prior knowledge of the server' },
  streams: { kind: 'integer', metavar: 'N', min: 1, max: 1024, defaultText: '1', group: LOAD, help: 'with --h2 or --alpn: requests under way at once on each connection; -m N is the same' },
  'new-connection': { kind: 'switch', group: LOAD, help: "a connection of its own for each request, with 'Connection: close' unless -H says otherwise" },
  think: { kind: 'text', metavar: 'RANGE', group: LOAD, help: 'pause between an answer and the next request of a connection: 1s, or 0-2s for a random one' },
  ramp: { kind: 'text', metavar: 'TIME', group: LOAD, help: 'grow to the full number of connections, or the full rate, over this time' },
  warmup: { kind: 'text', metavar: 'TIME', defaultText: '1s; off with --requests or --ramp', group: LOAD, help: 'run this long before measuring; 0 for none' },
  timeout: { kind: 'text', metavar: 'TIME', defaultText: '10s', group: LOAD, help: 'for connecting, and for each answer' },
  'source-addresses': { kind: 'text', metavar: 'LIST', group: LOAD, help: 'connect from these, in turn: 127.0.0.2-127.0.0.9; each has source ports of its own' },
  engine: { kind: 'choice', metavar: 'ENGINE', choices: ['auto', 'iouring', 'epoll', 'node'], defaultText: 'auto', group: LOAD, help: 'what moves the bytes' },

  method: { kind: 'text', short: 'm', metavar: 'METHOD', defaultText: 'GET; POST with a body', group: REQUEST, help: 'of requests whose URL names none' },
  header: { kind: 'list', short: 'H', metavar: 'HEADER', group: REQUEST, help: "'Name: value'; may be given several times" },
  body: { kind: 'text', short: 'b', metavar: 'TEXT', mayBeEmpty: true, group: REQUEST, help: 'the body of each request' },
  'body-file': { kind: 'text', metavar: 'FILE', group: REQUEST, help: 'the body of each request, from a file; - is standard input' },
  file: { kind: 'text', short: 'f', metavar: 'FILE', group: REQUEST, help: "URLs, one a line, in siege's format: variables, URL POST body, URL POST <file; - is standard input" },
  script: { kind: 'text', metavar: 'MODULE', group: REQUEST, help: 'a module that makes requests and checks answers' },
  unix: { kind: 'text', metavar: 'PATH', group: REQUEST, help: 'connect to this unix socket, or to the abstract @NAME; the URL gives Host and path' },

  cacert: { kind: 'text', metavar: 'FILE', group: TLS, help: 'trust these roots too (PEM)' },
  insecure: { kind: 'switch', short: 'k', group: TLS, help: 'take any certificate' },
  cert: { kind: 'text', metavar: 'FILE', group: TLS, help: 'show this certificate (PEM, the chain behind it), with --key' },
  key: { kind: 'text', metavar: 'FILE', group: TLS, help: 'its private key (PEM)' },
  'server-name': { kind: 'text', metavar: 'NAME', defaultText: "the URL's host", group: TLS, help: 'whom to ask for (SNI), and whom the certificate has to name' },
  alpn: { kind: 'switch', group: TLS, help: 'let the server choose between HTTP/2 and HTTP/1.1, as browsers do; without it HTTP/1.1 alone is offered, with --h2 that' },
  'no-resume': { kind: 'switch', group: TLS, help: 'a full handshake for each connection; else sessions are taken up again, as browsers do' },

  agents: { kind: 'text', metavar: 'URL', group: MACHINES, help: 'spread the load over all agents of this NATS server: nats://HOST:4222, with USER:PASSWORD@ or TOKEN@ if it asks for them' },
  'agents-group': { kind: 'text', metavar: 'NAME', defaultText: 'default', group: MACHINES, help: 'take agents of this group' },
  'agents-creds': { kind: 'text', metavar: 'FILE', group: MACHINES, help: 'NATS credentials file' },
  'agent-count': { kind: 'integer', metavar: 'N', min: 1, max: 1000, group: MACHINES, help: 'take so many agents, and wait for them; else all that are free' },
  'agents-wait': { kind: 'text', metavar: 'TIME', defaultText: '1s; 30s with --agent-count', group: MACHINES, help: 'how long to look for agents' },

  slo: { kind: 'list', metavar: 'LIMIT', group: JUDGE, help: "'p99=10ms', 'max=1s', 'mean=2ms'; may be given several times" },
  'max-error-rate': { kind: 'text', metavar: 'SHARE', group: JUDGE, help: "failed requests over all: '0.1%' or 0.001" },
  'find-limit': { kind: 'text', metavar: 'LIMIT', group: JUDGE, help: "find the highest rate that keeps this, as 'p99=10ms', by runs of --duration (default 3s) each" },

  json: { kind: 'switch', group: OUTPUT, help: 'the result as JSON on standard output, in place of text' },
  save: { kind: 'text', metavar: 'FILE', group: OUTPUT, help: 'write the result as JSON to a file, too' },
  html: { kind: 'text', metavar: 'FILE', group: OUTPUT, help: 'write a report for the browser, in one file' },
  compare: { kind: 'list', metavar: 'FILE', group: OUTPUT, help: 'show this earlier result (--save, --json) beside the new one' },
  quiet: { kind: 'switch', short: 'q', group: OUTPUT, help: 'no progress, no warnings' },
  help: { kind: 'switch', short: 'h', group: OUTPUT, help: 'this page' },
} as const satisfies FlagTable;

export const LOAD_USAGE = `Usage: holdfast load [FLAGS] URL...

Loads an HTTP server, measures it, and says what limited the result:
  holdfast load http://127.0.0.1:8080/             as fast as it answers
  holdfast load -r 5000 -d 30s http://.../         at a constant rate
  holdfast load --find-limit p99=10ms http://.../  the rate that it can keep
  holdfast load --cacert ca.pem https://.../       over TLS
  holdfast load --agents nats://10.0.0.5 http://.../   from many machines
  holdfast load --slo p99=10ms --max-error-rate 0.1% http://.../   in CI

The result is on standard output, progress and warnings on standard error.
Ctrl-C ends a run early and prints what there is; a second one waits for
nothing.
`;
