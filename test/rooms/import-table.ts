/**
 * Which room may import what, as data. Imports only point down: a room may know the rooms that are
 * named here and no other. An allowance by file is an exception that has to be argued beside it.
 */
export interface Room {
  /** Path under `src/`; `''` is the public door, `index.ts`. */
  readonly name: string;
  /** Rooms, or parts of one as `protocol/semantics`, that its files may import. */
  readonly mayImport: readonly string[];
  /** Modules of Node that its files may import; `'any'` for all. */
  readonly node: 'any' | readonly string[];
  /** Packages that its files may import; a name that ends in `*` stands for all that begin so. */
  readonly packages?: readonly string[];
  /** Folders of the room, and which others of them each may import; without it, all may. */
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  /** What single files and folders may import beyond that, by path under the room. */
  readonly allowances?: readonly Allowance[];
}

export interface Allowance {
  /** Files, and folders with a slash at their end. */
  readonly paths: readonly string[];
  readonly mayImport?: readonly string[];
  readonly packages?: readonly string[];
  readonly node?: readonly string[];
  readonly why: string;
}

export const ROOMS: readonly Room[] = [
  {
    name: '',
    mayImport: [
      'base',
      'compat',
      'engine',
      'protocol',
      'web',
      'pubsub',
      'routes',
      'events',
      'files',
      'observe',
      'http',
      'server',
    ],
    node: [],
  },
  {
    name: 'cli',
    mayImport: [
      'base',
      'sys',
      'engine',
      'protocol',
      'web',
      'files',
      'observe',
      'http',
      'server',
      'load',
      'prove',
      'nats',
      'boot',
      '',
    ],
    node: 'any',
  },
  {
    name: 'load',
    mayImport: ['base', 'engine', 'protocol', 'observe', 'nats'],
    node: 'any',
    packages: ['hdr-histogram-js'],
    // What counts knows nothing of what makes requests, what judges neither, and what shows sees results alone.
    folders: {
      client: [],
      plan: ['client'],
      measure: ['client', 'plan'],
      judge: ['client', 'measure', 'plan'],
      run: ['client', 'plan', 'measure', 'judge'],
      agents: ['plan', 'measure', 'run'],
      report: ['measure'],
    },
  },
  {
    name: 'prove',
    // Its bytes are its own: an adversary that used our protocol room would share its errors, and find none of them.
    mayImport: ['base', 'observe'],
    node: 'any',
    packages: ['yaml'],
    allowances: [
      {
        paths: ['target/'],
        mayImport: ['load/measure'],
        why: 'the processes behind a port, and what Linux tells of them, are found there already; it measures and knows no protocol',
      },
      {
        paths: ['report/'],
        mayImport: ['load/report/html'],
        why: 'one escaping of HTML and one look for the reports of both tools',
      },
    ],
  },
  {
    name: 'simulate',
    // Both read answers by a reader that shares nothing with the protocol room.
    mayImport: ['base', 'engine', 'protocol', 'web', 'files', 'observe', 'http', 'server', 'prove'],
    node: 'any',
  },
  {
    name: 'boot',
    mayImport: ['base', 'web', 'files', 'observe', 'http'],
    node: 'any',
    packages: ['toml-eslint-parser'],
  },
  {
    name: 'server',
    mayImport: [
      'base',
      'engine',
      'protocol',
      'web',
      'pubsub',
      'nats',
      'routes',
      'files',
      'observe',
      'http',
      'compat',
    ],
    node: 'any',
    allowances: [
      {
        paths: ['message-compressor.ts'],
        mayImport: ['sys'],
        why: "messages of WebSockets are compressed by the process's own zlib",
      },
    ],
  },
  {
    name: 'compat',
    mayImport: ['base', 'engine', 'protocol', 'web', 'http'],
    // Its messages are node:http's own, and the certificates of its sockets node:crypto's.
    node: ['node:crypto', 'node:diagnostics_channel', 'node:events', 'node:http', 'node:stream'],
  },
  {
    name: 'http',
    mayImport: ['base', 'engine', 'protocol', 'web', 'pubsub', 'observe'],
    node: ['node:async_hooks', 'node:diagnostics_channel'],
  },
  // Topics and messages: no protocol, and no way by which messages leave the thread.
  { name: 'nats', mayImport: ['base'], node: 'any', packages: ['@nats-io/transport-node'] },
  { name: 'routes', mayImport: ['base', 'web'], node: [] },
  { name: 'events', mayImport: ['base', 'web', 'pubsub'], node: [] },
  { name: 'pubsub', mayImport: ['base'], node: [] },
  { name: 'observe', mayImport: ['base'], node: 'any' },
  // Runs in browsers: scripts/bundle.mjs makes one script of it, and nothing here imports it.
  { name: 'page', mayImport: ['observe'], node: [], packages: ['uplot'] },
  {
    name: 'files',
    mayImport: ['base', 'web', 'protocol/semantics'],
    node: 'any',
    packages: ['mrmime'],
    allowances: [
      {
        paths: ['beneath.ts', 'folder-watch.ts'],
        mayImport: ['sys'],
        why: 'the ways to a file, and to news of it, that ask the kernel by themselves',
      },
    ],
  },
  {
    name: 'web',
    mayImport: ['base', 'protocol', 'pubsub'],
    // What the fetch standard is made of, and nothing that opens a file or a socket.
    node: ['node:async_hooks', 'node:buffer', 'node:crypto', 'node:stream', 'node:stream/web', 'node:util'],
  },
  { name: 'protocol', mayImport: ['base'], node: [] },
  {
    name: 'engine',
    mayImport: ['base'],
    node: 'any',
    allowances: [
      {
        paths: ['descriptor/', 'iouring/', 'epoll/', 'tls/', 'reserve.ts', 'select.ts'],
        mayImport: ['sys'],
        why: 'engines that own descriptors drive the kernel themselves, and the choice asks what this host allows',
      },
    ],
  },
  {
    name: 'sys',
    mayImport: ['base'],
    node: 'any',
    allowances: [
      {
        paths: ['ffi-koffi.ts'],
        packages: ['@koromix/koffi-*'],
        why: "a back end of the door to native code: koffi's module for this platform",
      },
    ],
  },
  { name: 'base', mayImport: [], node: [] },
];

/** Tests and contract suites may use these besides what their room may. */
export const TEST_PACKAGES: readonly string[] = ['fast-check', 'hono', 'h3'];
