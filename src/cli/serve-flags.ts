/** The flags of `holdfast serve`: its manual and its parser at once. */
import type { FlagTable } from './arguments.ts';
import type { FlagsOfOptions } from './option-flags.ts';
import { TLS_FLAGS } from './tls-flags.ts';

const LISTEN = 'Where to listen';
const WORK = 'How to work';
const FOLDER = 'What a folder answers';
const BOOT = 'Booting machines over the network';
const LIMITS = 'Timeouts and limits, each a value or off';
const WORDS = 'What to say';

// biome-ignore format: one flag a line reads as the table that it is
export const SERVE_FLAGS = {
  port: { kind: 'integer', short: 'p', metavar: 'PORT', max: 65535, env: 'PORT', defaultText: '8080', group: LISTEN, help: 'TCP port; 0 is any free one' },
  host: { kind: 'text', short: 'H', metavar: 'HOST', env: 'HOST', defaultText: '127.0.0.1', group: LISTEN, help: 'address or name to bind; 0.0.0.0 or :: for everybody' },
  listen: { kind: 'text', short: 'l', metavar: 'ADDRESS', group: LISTEN, help: 'in one: 3000, HOST:PORT, tcp://HOST:PORT, unix:PATH, unix:@NAME, or systemd[:NAME] for a socket that was handed over' },
  'reuse-port': { kind: 'switch', group: LISTEN, help: 'let other processes bind the same port (SO_REUSEPORT)' },
  'redirect-http': { kind: 'text', metavar: 'ADDRESS', group: LISTEN, help: 'PORT (where the server listens) or HOST:PORT of plain HTTP, which is sent to HTTPS by 308' },
  'trust-proxy': { kind: 'text', metavar: 'WHOM', defaultText: 'nobody', group: LISTEN, help: "whose X-Forwarded-* and Forwarded are believed: a number of hops, addresses and CIDR ranges, 'loopback', 'linklocal', 'uniquelocal'; or all" },
  'proxy-protocol': { kind: 'text', metavar: 'FROM', isOptional: true, defaultText: 'off; FROM everybody', group: LISTEN, help: "connections begin with a header of the PROXY protocol: those from addresses, CIDR ranges, 'loopback', 'linklocal', 'uniquelocal'" },

  ...TLS_FLAGS,

  workers: { kind: 'integer', short: 'w', metavar: 'N', min: 1, max: 1024, word: 'auto', defaultText: 'auto: one a core', group: WORK, help: 'threads that serve' },
  balance: { kind: 'choice', metavar: 'HOW', choices: ['kernel', 'least'], defaultText: 'kernel', group: WORK, help: "which worker gets a connection: the kernel's hash says, or the one with the fewest" },
  engine: { kind: 'choice', metavar: 'ENGINE', choices: ['auto', 'iouring', 'epoll', 'node'], defaultText: 'auto', group: WORK, help: 'what moves the bytes; auto takes the fastest that this host allows' },
  globals: { kind: 'switch', negatable: true, defaultText: 'on', group: WORK, help: "make Request and Response the engine's light ones in this process" },
  http2: { kind: 'switch', negatable: true, defaultText: 'on', group: WORK, help: 'speak HTTP/2 too, on the same port' },
  node: { kind: 'switch', group: WORK, help: 'the module exports a listener (req, res) of node:http; apps of Express, Connect, Koa and Fastify are known without it' },
  pubsub: { kind: 'text', metavar: 'URL', env: 'HOLDFAST_PUBSUB', defaultText: 'this server alone', group: WORK, help: 'what is published reaches the servers of other machines over NATS: nats://[user:password@]host[:port]' },
  'pubsub-replay': { kind: 'integer', metavar: 'N', min: 1, defaultText: 'off', group: WORK, help: 'keep the last N messages of all topics, for readers of server-sent events who come back' },
  watch: { kind: 'switch', group: WORK, help: 'reload when the module changes, or what it imports' },

  listing: { kind: 'switch', negatable: true, defaultText: 'on', group: FOLDER, help: 'show what is in a folder that has no index.html' },
  spa: { kind: 'text', metavar: 'PAGE', isOptional: true, defaultText: 'off; PAGE index.html', group: FOLDER, help: 'answer paths that lead to no file with PAGE, for applications that have their paths in the browser' },
  'clean-urls': { kind: 'switch', negatable: true, defaultText: 'on', group: FOLDER, help: '/about is about.html, where there is no about' },
  cors: { kind: 'list', metavar: 'ORIGIN', isOptional: true, defaultText: 'off; ORIGIN all', group: FOLDER, help: 'let pages of other origins read the files; several times for several origins' },
  'cache-control': { kind: 'list', metavar: 'RULE', defaultText: 'no-cache', group: FOLDER, help: "what Cache-Control says: VALUE, or PATTERN=VALUE as '/assets/*=public, max-age=3600'; several times, the first that matches" },
  immutable: { kind: 'switch', group: FOLDER, help: 'let files whose names hold a hash be kept for a year without asking' },
  compress: { kind: 'switch', group: FOLDER, help: 'compress text, scripts and the like for clients that take it: brotli, zstd or gzip, kept in memory' },
  precompressed: { kind: 'switch', negatable: true, defaultText: 'on', group: FOLDER, help: 'send app.js.br, .zst or .gz in place of app.js, where they are there and no older' },
  download: { kind: 'list', metavar: 'PATTERN', isOptional: true, defaultText: 'off; PATTERN all', group: FOLDER, help: "have files saved instead of shown, as --download='*.iso'" },
  pace: { kind: 'size', metavar: 'SIZE', defaultText: 'off', group: FOLDER, help: 'of a file over 64 KiB, at most so much a second on each connection (HTTP/1.1, not on the node engine), for firmware that stops when it comes too fast' },
  dotfiles: { kind: 'switch', group: FOLDER, help: 'serve and list names that begin with a dot' },
  symlinks: { kind: 'choice', metavar: 'WHICH', choices: ['inside', 'all', 'none'], defaultText: 'inside', group: FOLDER, help: 'symbolic links that are followed: those that lead into the folder, all, or none' },

  boot: { kind: 'switch', group: BOOT, help: 'serve scripts for iPXE and GRUB, made of boot.toml and the kernels in the folder, beside its files' },
  upstream: { kind: 'text', metavar: 'URL', group: BOOT, help: 'fetch from below URL, once however many ask, what the folder does not have, and keep it there' },
  'upstream-allow': { kind: 'list', metavar: 'PATTERN', defaultText: 'all', group: BOOT, help: "paths that may be fetched, as '/debian/*' or '*.efi'; several times" },
  state: { kind: 'text', metavar: 'FILE', group: BOOT, help: 'keep records of machines in FILE (SQLite, or a journal before Node 22.13), so that a restart forgets nothing' },
  webhook: { kind: 'text', metavar: 'URL', group: BOOT, help: 'post an event as JSON when a machine boots, when a transfer ends, and for restart loops' },

  'header-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '10s', group: LIMITS, help: 'for the whole head of a request, however its bytes drip' },
  'idle-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '76s', group: LIMITS, help: 'keep-alive without a request' },
  'body-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '30s', group: LIMITS, help: 'between bytes of a request body' },
  'handler-timeout': { kind: 'duration', metavar: 'TIME', defaultText: 'off', group: LIMITS, help: 'until the handler answers; then 503' },
  'drain-delay': { kind: 'pause', metavar: 'TIME', defaultText: '0', group: LIMITS, help: 'serve on for so long after SIGTERM, with 503 at /readyz, before draining' },
  'drain-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '25s', group: LIMITS, help: 'for answers under way at shutdown' },
  'dead-peer-timeout': { kind: 'duration', metavar: 'TIME', defaultText: '2m', group: LIMITS, help: 'until a silent peer is given up' },
  'max-header-size': { kind: 'size', metavar: 'SIZE', defaultText: '16k', group: LIMITS, help: 'of a request head; beyond, 431' },
  'max-body-size': { kind: 'size', metavar: 'SIZE', defaultText: '100m', group: LIMITS, help: 'of a request body; beyond, 413' },
  'max-connections': { kind: 'integer', metavar: 'N', min: 1, word: 'off', defaultText: 'off', group: LIMITS, help: 'open at once, over all workers' },
  'max-connections-per-address': { kind: 'integer', metavar: 'N', min: 1, word: 'off', defaultText: 'off', group: LIMITS, help: 'open at once from one address, in each worker; beyond, 503' },
  'max-concurrent-streams': { kind: 'integer', metavar: 'N', min: 1, max: 2 ** 31 - 1, defaultText: '128', group: LIMITS, help: 'requests open at once on one HTTP/2 connection' },
  'when-full': { kind: 'choice', metavar: 'WHAT', choices: ['refuse', 'pause'], defaultText: 'refuse', group: LIMITS, help: 'beyond --max-connections: answer 503, or let clients wait' },

  admin: { kind: 'text', metavar: 'ADDRESS', group: WORDS, help: 'PORT (on 127.0.0.1) or HOST:PORT for metrics, health and a page of what the server does now' },
  'admin-token': { kind: 'text', metavar: 'TOKEN', env: 'HOLDFAST_ADMIN_TOKEN', group: WORDS, help: 'what whoever asks the admin port has to know; on a command line others can read it, in the environment not' },
  'admin-names': { kind: 'text', metavar: 'NAMES', group: WORDS, help: 'names, by commas, under which the admin port may be asked besides addresses, localhost and the name of the machine' },
  health: { kind: 'text', metavar: 'ADDRESS', group: WORDS, help: 'PORT (where the server listens) or HOST:PORT for /healthz and /readyz alone, as probes want them' },
  log: { kind: 'choice', metavar: 'FORMAT', choices: ['pretty', 'json', 'off'], defaultText: 'pretty on a terminal, else off', group: WORDS, help: 'a line on standard error for each request; warnings and errors are always told' },
  quiet: { kind: 'switch', short: 'q', group: WORDS, help: 'no banner' },
  help: { kind: 'switch', short: 'h', group: WORDS, help: 'this page' },
} as const satisfies FlagTable;

/** By option of `serve()`, as its errors name it: the flag that sets it. */
export const FLAGS_OF_OPTIONS: FlagsOfOptions = {
  port: 'port',
  hostname: 'host',
  unix: 'listen',
  reusePort: 'reuse-port',
  tls: 'tls-cert',
  'tls.cert': 'tls-cert',
  'tls.key': 'tls-key',
  'tls.passphrase': 'tls-passphrase-file',
  'tls.ocsp': 'tls-ocsp',
  'tls.minVersion': 'tls-min-version',
  'tls.maxVersion': 'tls-max-version',
  'tls.ciphers': 'tls-ciphers',
  'tls.groups': 'tls-groups',
  'tls.ca': 'tls-client-ca',
  'tls.crl': 'tls-client-crl',
  redirectHttp: 'redirect-http',
  trustProxy: 'trust-proxy',
  proxyProtocol: 'proxy-protocol',
  workers: 'workers',
  balance: 'balance',
  engine: 'engine',
  globals: 'globals',
  http2: 'http2',
  node: 'node',
  'pubsub.nats': 'pubsub',
  'pubsub.replay.count': 'pubsub-replay',
  'timeouts.header': 'header-timeout',
  'timeouts.idle': 'idle-timeout',
  'timeouts.body': 'body-timeout',
  'timeouts.handler': 'handler-timeout',
  'timeouts.drain': 'drain-timeout',
  'timeouts.deadPeer': 'dead-peer-timeout',
  'limits.headerBytes': 'max-header-size',
  'limits.bodyBytes': 'max-body-size',
  'limits.connections': 'max-connections',
  'limits.connectionsPerAddress': 'max-connections-per-address',
  'limits.http2.concurrentStreams': 'max-concurrent-streams',
  'limits.whenFull': 'when-full',
  admin: 'admin',
  'admin.token': 'admin-token',
  'admin.names': 'admin-names',
  health: 'health',
};

export const SERVE_USAGE = `Usage: holdfast serve [TARGET] [FLAGS]

Serves TARGET, by default the folder it is run in:
  a folder        its files, with index.html, ranges and conditional requests;
                  in programs, files() of the package does the same
  a module        whose default export is a handler, (request) => Response,
                  or an object with fetch (Hono, H3, ...); or what runs on
                  node:http: an app of Express, Connect, Koa or Fastify, or
                  a listener (req, res), exported as node or by --node
  a folder, --boot  what machines boot over the network

When it accepts connections it prints one line on standard output:
  ready url=http://127.0.0.1:8080 engine=iouring workers=2 pid=123
and behind that admin=URL, health=URL and redirect=URL, where those ports
were asked for.
SIGTERM and SIGINT finish what is under way, a second SIGINT does not wait,
SIGHUP reloads.
`;
