/** The flags of `holdfast prove`: its manual and its parser at once. */
import type { FlagTable } from './arguments.ts';

const ATTACK = 'What to do';
const PROMISE = 'What the server promises; servers that prove starts are told to keep it';
const TARGET = 'Where things are on the server';
const MATRIX = 'Many applications at once';
const OUTPUT = 'What to say';

// biome-ignore format: one flag a line reads as the table that it is
export const PROVE_FLAGS = {
  for: { kind: 'duration', metavar: 'TIME', defaultText: '1m', group: ATTACK, help: 'how long, all targets and slices together; deadlines are waited for, however long' },
  slices: { kind: 'text', metavar: 'LIST', defaultText: 'all', group: ATTACK, help: 'kinds of attack, as malformed,slow' },
  seed: { kind: 'integer', metavar: 'N', min: 0, max: 2 ** 48, defaultText: 'random, and told', group: ATTACK, help: 'repeats every choice of a run' },
  concurrency: { kind: 'integer', short: 'c', metavar: 'N', min: 1, max: 5000, defaultText: '32', group: ATTACK, help: 'attackers at once' },
  engines: { kind: 'text', metavar: 'LIST', defaultText: 'all that this host offers', group: ATTACK, help: 'for a folder or a module: iouring,epoll,node' },
  protocols: { kind: 'text', metavar: 'LIST', defaultText: 'in the clear, attacked as HTTP/1.1 and HTTP/2', group: ATTACK, help: 'for what prove starts, one after the other: h1,h2,h1-tls,h2-tls' },
  against: { kind: 'list', metavar: 'URL', group: ATTACK, help: 'send malformed streams there too, and show who reads them how; may be given several times' },
  replay: { kind: 'text', metavar: 'FILE', group: ATTACK, help: 'play the capsule of a finding once more, and say whether it shows' },
  agents: { kind: 'text', metavar: 'NATS', group: ATTACK, help: 'attack from all holdfast prove-agent of nats://HOST[:4222], at the same time, in place of this machine' },
  'agents-group': { kind: 'text', metavar: 'NAME', defaultText: 'default', group: ATTACK, help: 'the agents that were started for this group' },
  'agents-creds': { kind: 'text', metavar: 'FILE', group: ATTACK, help: 'NATS credentials file' },
  'agent-count': { kind: 'integer', metavar: 'N', min: 1, defaultText: 'all that answer within a second', group: ATTACK, help: 'so many agents, and none without the others' },
  'i-may-attack': { kind: 'list', metavar: 'HOST', group: ATTACK, help: 'the owner of this host agrees; without it only this machine is attacked' },

  'header-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '2s where prove starts the server', group: PROMISE, help: 'until a head is whole' },
  'idle-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '3s where prove starts the server', group: PROMISE, help: 'a kept connection without a request' },
  'body-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '2s where prove starts the server', group: PROMISE, help: 'between pieces of content' },

  path: { kind: 'text', metavar: 'PATH', defaultText: "the URL's, or /", group: TARGET, help: 'answers GET with the same few bytes each time' },
  'large-path': { kind: 'text', metavar: 'PATH', group: TARGET, help: 'answers with 4 MiB or more, for slow readers' },
  'upload-path': { kind: 'text', metavar: 'PATH', defaultText: '--path', group: TARGET, help: 'reads content before it answers' },
  'hung-path': { kind: 'text', metavar: 'PATH', group: TARGET, help: 'neither reads nor answers, for attacks on HTTP/2 that need streams to stay open' },
  'websocket-path': { kind: 'text', metavar: 'PATH', group: TARGET, help: 'becomes a WebSocket' },
  'events-path': { kind: 'text', metavar: 'PATH', group: TARGET, help: 'sends server-sent events with ids' },
  openapi: { kind: 'text', metavar: 'FILE', defaultText: 'POST /login, /notes, ...', group: TARGET, help: 'where the application has login, logout, listNotes, readNote, writeNote and removeNote: an OpenAPI document in YAML or JSON with these operationIds' },
  upstream: { kind: 'list', metavar: 'NAME', group: TARGET, help: 'environment variable with the URL of a database or service of the application, as DATABASE_URL: faults takes it away, and gives it back; may be given several times' },
  admin: { kind: 'text', metavar: 'URL', group: TARGET, help: "the server is Holdfast, and this its admin port: its own account goes into findings, and it is held to Holdfast's strictness" },

  matrix: { kind: 'text', metavar: 'FILE', group: MATRIX, help: 'in place of TARGET: a list of applications (YAML), each attacked on every engine and in every protocol, with one document of results' },
  tier: { kind: 'choice', metavar: 'TIER', choices: ['pr', 'nightly', 'soak'], defaultText: 'pr', group: MATRIX, help: 'how long, unless --for says so: ten minutes without faults, an hour, or a day' },
  out: { kind: 'text', metavar: 'FILE', group: MATRIX, help: 'where the document is written, after each application' },
  resume: { kind: 'switch', group: MATRIX, help: 'go on with the document of --out: what is in it is not done again' },
  about: { kind: 'text', metavar: 'TEXT', group: MATRIX, help: 'put into the document, as the commit that was attacked' },

  json: { kind: 'switch', group: OUTPUT, help: 'the result as JSON on standard output, in place of text' },
  html: { kind: 'text', metavar: 'FILE', group: OUTPUT, help: 'write a report for the browser, in one file' },
  capsules: { kind: 'text', metavar: 'FOLDER', defaultText: 'holdfast-capsules', group: OUTPUT, help: "where findings are written, a file each; 'off' for nowhere" },
  quiet: { kind: 'switch', short: 'q', group: OUTPUT, help: 'no progress' },
  help: { kind: 'switch', short: 'h', group: OUTPUT, help: 'this page' },
} as const satisfies FlagTable;

export const PROVE_USAGE = `Usage: holdfast prove [FLAGS] TARGET

Attacks an HTTP server, and judges it by the RFCs and by its own deadlines:
  holdfast prove http://127.0.0.1:8080/   a server that is there
  holdfast prove ./app.mjs                a module or folder, which it starts
                                          itself on every engine
  holdfast prove --header-timeout 60s http://...   what the server promises
  holdfast prove --against http://127.0.0.1:81 http://...   two readings
  holdfast prove --replay FILE http://...   a finding once more
  holdfast prove --matrix apps.yaml       many applications, on every engine and
                                          in every protocol

Beside every attack there is a good client, whose answers and whose waiting
are the measure. Only this machine is attacked, unless --i-may-attack names
the host. The exit code is 99 when a finding is high.
`;
