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
  /** What single files or folders may import beyond that, by path under the room. */
  readonly allowances?: readonly Allowance[];
}

export interface Allowance {
  /** A file, or a folder with a slash at its end. */
  readonly path: string;
  readonly mayImport?: readonly string[];
  readonly packages?: readonly string[];
  readonly node?: readonly string[];
  readonly why: string;
}

export const ROOMS: readonly Room[] = [
  {
    name: '',
    mayImport: ['base', 'engine', 'protocol', 'web', 'files', 'observe', 'server'],
    node: [],
  },
  {
    name: 'cli',
    mayImport: ['base', 'sys', 'engine', 'protocol', 'web', 'files', 'observe', 'server', 'load', ''],
    node: 'any',
  },
  {
    name: 'load',
    mayImport: ['base', 'engine', 'protocol', 'observe'],
    node: 'any',
    packages: ['hdr-histogram-js', '@nats-io/transport-node'],
  },
  {
    name: 'simulate',
    mayImport: ['base', 'engine', 'protocol', 'web', 'files', 'observe', 'server'],
    node: 'any',
  },
  {
    name: 'server',
    mayImport: ['base', 'engine', 'protocol', 'web', 'files', 'observe'],
    node: 'any',
  },
  { name: 'observe', mayImport: ['base'], node: 'any' },
  {
    name: 'files',
    mayImport: ['base', 'web', 'protocol/semantics'],
    node: 'any',
    packages: ['mrmime'],
    allowances: [{ path: 'disk.ts', mayImport: ['sys'], why: 'the one FileSource that asks the kernel' }],
  },
  {
    name: 'web',
    mayImport: ['base', 'protocol'],
    // What the fetch standard is made of, and nothing that opens a file or a socket.
    node: ['node:async_hooks', 'node:buffer', 'node:crypto', 'node:stream', 'node:stream/web', 'node:util'],
  },
  { name: 'protocol', mayImport: ['base'], node: [] },
  {
    name: 'engine',
    mayImport: ['base'],
    node: 'any',
    allowances: [
      { path: 'iouring/', mayImport: ['sys'], why: 'it drives the kernel itself' },
      { path: 'epoll/', mayImport: ['sys'], why: 'it drives the kernel itself' },
      { path: 'descriptor-engine.ts', mayImport: ['sys'], why: 'what engines that own descriptors share' },
      { path: 'descriptor-connection.ts', mayImport: ['sys'], why: 'its connections own descriptors' },
      {
        path: 'descriptor-listener.ts',
        mayImport: ['sys'],
        why: 'it names the error for which accepting rests',
      },
      { path: 'send-pool.ts', mayImport: ['sys'], why: 'memory that the kernel sends from is mapped' },
      { path: 'accept-errors.ts', mayImport: ['sys'], why: 'what errors of accept mean' },
      { path: 'accept-errors.test.ts', mayImport: ['sys'], why: 'the errors' },
      { path: 'accept-pauses.test.ts', mayImport: ['sys'], why: 'a socket of its own to shut down' },
      { path: 'select.ts', mayImport: ['sys'], why: 'it asks what this host allows' },
      { path: 'descriptor-ledger.ts', mayImport: ['sys'], why: 'it closes what a thread has left open' },
      { path: 'reserve.ts', mayImport: ['sys'], why: 'it holds an eventfd' },
      { path: 'handoff.ts', mayImport: ['sys'], why: 'it wakes threads by their eventfds' },
      { path: 'handoff.test.ts', mayImport: ['sys'], why: 'with real eventfds' },
      {
        path: 'connecting-socket.ts',
        mayImport: ['sys'],
        why: 'connecting, for the engines that own descriptors',
      },
      { path: 'connecting-socket.test.ts', mayImport: ['sys'], why: 'with real sockets' },
      {
        path: 'listening-socket.ts',
        mayImport: ['sys'],
        why: 'listening, for the engines that own descriptors',
      },
    ],
  },
  {
    name: 'sys',
    mayImport: ['base'],
    node: 'any',
    allowances: [
      {
        path: 'ffi-koffi.ts',
        packages: ['@koromix/koffi-*'],
        why: "a back end of the door to native code: koffi's module for this platform",
      },
    ],
  },
  { name: 'base', mayImport: [], node: [] },
];

/** Tests and contract suites may use these besides what their room may. */
export const TEST_PACKAGES: readonly string[] = ['fast-check', 'hono', 'h3'];
