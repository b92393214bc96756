/**
 * The Engine contract: what moves bytes between sockets and the layer above, and nothing more. An
 * engine knows no HTTP. One instance serves one thread and is driven by that thread's event loop, so
 * promises, timers and database clients work inside everything it calls.
 *
 * A turn: the engine wakes, hands over everything that has arrived by calling its handler, then sends
 * everything that was written. All bytes that a connection writes in one turn leave in one send where
 * they fit. Bytes written outside of a turn (from a promise, a timer) leave at the end of the current
 * microtask queue, or when libuv has had its turn, if turns of that kind have followed each other for long.
 *
 * What a turn may do: engines that own descriptors end one after 1 to 8 ms, and 4 ms more for sending (turn-time.ts), and
 * leave the rest to one that libuv begins, so that timers, signals and other I/O of the thread go on whatever the
 * connections do. What has arrived for others is asked for each 0.25 ms; one connection is handed at most 64 KiB
 * before them, and who found no receive buffer is given one first. All that can only be bounded between callbacks:
 * a handler that has much to do in one asks `shouldYield`.
 *
 * Promises of every engine, held by `engine.contract.ts`:
 *
 * - For each accepted connection: `onAccept` once, then any number of `onReceive`, `onDrained`,
 *   `onDeadline` and at most one `onPeerEndSeen` and one `onPeerEnd`, then `onClosed` exactly once and nothing
 *   after it.
 * - For each connection that `connect` returned: the same with `onConnect` in place of `onAccept`, but only
 *   `onDeadline` may come before it, and for one that never stands `onClosed` comes alone.
 * - Bytes arrive in order, none lost, none doubled, whatever the splits. Bytes leave likewise.
 * - No callback is made from inside a call that the handler makes on a connection: `close()` and
 *   `reset()` are always answered later.
 * - A call on a connection that has closed is a no-op: `reserve` still gives memory (a scratch area),
 *   everything else does nothing.
 */
import type { SysError } from '../base/errors.ts';
import type { SecureConnection } from './tls/secure-connection.ts';
import type { EngineTlsOptions } from './tls/tls-options.ts';

export type EngineName = 'iouring' | 'epoll' | 'node' | 'sim';

/**
 * Why a connection ended. The layer above names its own reasons when it calls `close` or `reset`;
 * the engine adds those that only it can see.
 */
export type EngineCloseReason =
  /** The peer closed or reset: ECONNRESET, EPIPE, and their like. */
  | 'peer-reset'
  /** The kernel gave up on the peer: ETIMEDOUT, EHOSTUNREACH. */
  | 'peer-dead'
  /** The engine was closed while the connection was open. */
  | 'engine-closed'
  /** A system call failed in a way that only ends this connection. */
  | 'io-error'
  /** An outgoing connection was not made: `conn.errorCode` says why. */
  | 'connect-failed'
  /** A file that was being sent ended before the length that was committed. */
  | 'file-short'
  /** `verify` said that it is not what it was. */
  | 'file-changed'
  /** It could not be read: `conn.errorCode` says why. */
  | 'file-failed';

export type CloseReason = EngineCloseReason | (string & {});

export interface RemoteAddress {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** The address as text, without brackets; empty for a unix socket. */
  readonly address: string;
  readonly port: number;
}

/**
 * Where to connect to: addresses, not names. Looking names up is the caller's to do, once. Give the same
 * object again for the same target, and do not change it: engines keep its addresses in the kernel's form.
 */
export type ConnectTarget =
  | {
      readonly family: 'IPv4' | 'IPv6';
      /** The address as text, without brackets; IPv6 may carry a zone. */
      readonly address: string;
      readonly port: number;
      /**
       * The source address, of the same family. Its port is picked when connecting and not when binding
       * (IP_BIND_ADDRESS_NO_PORT), so that one port serves many targets; the node engine cannot do that.
       */
      readonly localAddress?: string;
      readonly serverName?: string;
    }
  | {
      /** A path; a name in Linux's abstract namespace begins with a NUL. */
      readonly unix: string;
      /** Where TLS is spoken: what the server's certificate has to name, a host or an address; a host is told by SNI. */
      readonly serverName?: string;
    };

/** How the peer has answered lately, from TCP_INFO (tcp(7)). */
export interface PeerLiveness {
  /** Bytes that are not acknowledged, ours and the kernel's. */
  readonly outstandingBytes: number;
  /** Since the last acknowledgement came. */
  readonly lastAckMs: number;
  /** Probes and retransmissions in a row that nobody has answered. */
  readonly unanswered: number;
}

/** So much of a file is looked after at a time: whether it is what it was, and whether it is in memory. */
export const FILE_WINDOW_BYTES = 1024 * 1024;

/** A part of an open file, to be sent as it is. */
export interface FileRange {
  /**
   * A regular file that is open for reading. Its own offset is neither used nor moved, so that thousands of ranges may name one
   * descriptor. It belongs to the caller and stays open until `onReleased`.
   */
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  /**
   * Asked before each window of the file (FILE_WINDOW_BYTES): whether it still is what was promised. What it throws counts as
   * no. It calls no connection.
   */
  verify?(): boolean;
  /**
   * The engine does not use the descriptor any more: exactly once, sooner or later, whatever has become of the connection. Never
   * from within a call of the caller's; it may come after `onClosed`, where a disk was still being read. It calls no connection.
   * @param unsentBytes of the range that the kernel has not taken: 0 when it has been sent whole
   */
  onReleased(unsentBytes: number): void;
}

/** One connection, accepted or made. Engines subclass or implement this; the shape must stay monomorphic per engine. */
export interface EngineConnection {
  /** Belongs to the layer above; the engine never reads it. */
  user: unknown;
  /** The ends that a proxy in front has named: its addresses are these from then on. Set before the layer above hears of it, which owns `said`. */
  proxied?: { readonly remote: RemoteAddress; readonly local: RemoteAddress; readonly said?: unknown } | undefined; // biome-ignore format: one line

  /** Memory that `reserve` last gave a place in. Valid until the next call of `commit`, never kept. */
  out: Uint8Array;
  /**
   * A place for at least `size` contiguous bytes in memory that the engine sends from.
   * @param size 1 to SEND_RESERVE_BYTES_MAX
   * @returns the index in `this.out` at which to write; nothing is sent before `commit`
   */
  reserve(size: number): number;
  /** The first `size` bytes of the last reservation are to be sent. */
  commit(size: number): void;
  /**
   * Does what `commit` does, with the caller's own memory, which need not be copied. It is borrowed until `settle`, which has to follow
   * before the caller returns: what the kernel takes then is sent from where it is.
   */
  commitBorrowed(bytes: Uint8Array): void;
  /**
   * Sends what is committed, as far as the kernel takes it at once, and copies what is left of borrowed memory. `onDrained`
   * follows in a later turn, also when nothing is left.
   */
  settle(): void;
  /**
   * A part of a file is to be sent, behind what was committed before and before what is committed later; its bytes count in
   * `unsentBytes` from now on. Files in a queue may be many and of any length. No disk is waited for on this thread, and a reader
   * who has stopped holds no memory of ours. A file that is shorter than its range, has changed or cannot be read ends the connection
   * by RST, whatever end was asked for: FIN would pass for the end of the file.
   */
  commitFile(file: FileRange): void;
  /** Calls for `onSending`, in this turn or soon, though nothing is committed yet. Absent where no layer is put over it (node, layers). */
  askToSend?(): void;
  /**
   * At most so many bytes leave in a second from now on (SO_MAX_PACING_RATE); Infinity takes that back.
   * @returns false where the system refuses. Absent where it cannot be asked (node, sim)
   */
  setPace?(bytesPerSecond: number): boolean;
  /** Less than that is better copied; Infinity where nothing is ever borrowed, and `commitBorrowed` copies. */
  readonly borrowedBytesMin: number;
  /**
   * Bytes committed that the kernel has not taken yet. The layer above stops writing at its own
   * high-water mark and goes on when `onDrained` comes. The engine itself never refuses.
   */
  readonly unsentBytes: number;
  /**
   * Whether what is committed now will be sent. False after an end that was asked for, and once the connection has
   * failed, which `onClosed` tells of in a later turn, when what was received before has been handed over: until then
   * `commit` is ignored and `unsentBytes` stays where it is. Whoever writes as long as there is room has to ask, or it
   * writes for ever.
   */
  readonly takesBytes: boolean;

  /**
   * Stop handing over bytes. Up to two receive buffers may still be kept by the engine, not lost. A reset is
   * noticed all the same within a second, and ends the connection without the bytes before it. FIN waits to be
   * read like the bytes before it; that it has come is told by `onPeerEndSeen`.
   */
  pauseReading(): void;
  resumeReading(): void;

  /**
   * Within `onReceive`, with the `bytes` that it was called with: their memory is the caller's from now on, all of it, and
   * the engine takes other memory. For whoever keeps what comes: it saves the copy.
   * @returns false where the memory serves others too, or has not been filled: then it stays lent. Absent where it always is
   */
  takeReceived?(bytes: Uint8Array): boolean;

  /** FIN after the last committed byte; receiving goes on. Idempotent. */
  shutdownWrite(): void;
  /**
   * Send what is committed, then FIN, then release the socket. Bytes that arrive meanwhile are
   * discarded. It waits for nothing from the peer: linger is the layer above's to do, with
   * `shutdownWrite` and a deadline.
   */
  close(reason: CloseReason): void;
  /** RST now; what is unsent is dropped. For dead peers and forced ends only. */
  reset(reason: CloseReason): void;

  /**
   * The one deadline of this connection: `onDeadline` is called at or after `atMs` (the engine's
   * clock), once, unless it is set anew before. `Infinity` clears it. Moving a deadline costs a store;
   * 1 to 2 ticks late is normal (`DEADLINE_TICK_MS`), early never happens.
   */
  setDeadline(atMs: number): void;

  /** The peer's address; `undefined` if the peer is gone, or does not stand yet, when it is first asked for. */
  remoteAddress(): RemoteAddress | undefined;
  /**
   * Our side's address, asked of the kernel at each call; `undefined` for a unix socket, before an outgoing
   * connection stands, and once the socket is gone.
   */
  localAddress(): RemoteAddress | undefined;
  /**
   * What the system said when it broke this connection or would not make it: an errno name, `ECONNREFUSED`
   * with `connect-failed`, `ECONNRESET` or `EPIPE` with `peer-reset`, and so on. Empty after an end that
   * the layer above asked for, unless the system came first. To be read in `onClosed` and later.
   */
  readonly errorCode: string;
  /** A system call; `undefined` where nobody tells: the node engine, unix sockets, a socket that is gone. */
  peerLiveness(): PeerLiveness | undefined;
  /** True until `onClosed`. */
  readonly isOpen: boolean;
  /** What TLS has agreed on, from `onAccept` or `onConnect` on and for good. Absent or undefined in the clear. */
  readonly secure?: SecureConnection | undefined;
  /** How long the handshake took that this side began, from the standing of the TCP connection on. */
  readonly handshakeMs?: number;
}

/** What the layer above implements. One object a thread, so that calls stay monomorphic. */
export interface EngineHandler<C extends EngineConnection = EngineConnection> {
  onAccept(conn: C): void;
  /**
   * A connection that `connect` began stands. Not called for one that failed, which has `onClosed` alone, nor
   * for one that the layer above has closed or reset meanwhile.
   */
  onConnect?(conn: C): void;
  /**
   * `bytes` is the engine's own memory, valid during this call only: consume it, copy it, or `takeReceived`. What the peer has sent before
   * it was gone comes too, and FIN where that ended it, though sending to it has failed meanwhile (a server that refuses an
   * upload and closes): `onClosed` waits for it, unless reading is paused. TLS has no such promise.
   */
  onReceive(conn: C, bytes: Uint8Array, start: number, end: number): void;
  /**
   * Everything committed has been taken by the kernel. Whoever saw `unsentBytes` above 0 is owed one call
   * after it is 0 again, also when the kernel took everything at once.
   */
  onDrained(conn: C): void;
  /** The peer sent FIN. Writing is still possible. */
  onPeerEnd(conn: C): void;
  /**
   * FIN has come while reading is paused, perhaps behind bytes that wait: at most once, within two seconds, and
   * before `onPeerEnd`, which follows when reading has come to it. A reset may be told so too, before `onClosed`: kernels
   * announce both alike. The node engine sees it only where less than
   * a receive buffer waits before it.
   */
  onPeerEndSeen?(conn: C): void;
  onDeadline(conn: C): void;
  /**
   * Whether something that callbacks have begun goes on elsewhere: in promises, timers, other I/O of the thread. While
   * there is nothing of that, an engine may hold the thread until the turn has had its time to see whether news comes. Asked once a
   * turn. Absent: there may be.
   */
  readonly hasOpenWork?: boolean;
  /**
   * In a turn, before what was written in it is sent: once for each round of sends. What is written in this call leaves with
   * it. For layers that gather what they make of it (tls/).
   */
  onSending?(): void;
  /** The moment asked for with `Engine.wakeAt` has come. What is written now leaves in this turn. */
  onWake?(): void;
  /** The connection is gone and its slot is free for another. Exactly once. */
  onClosed(conn: C, reason: CloseReason): void;
  /** Accepting is paused (`EMFILE` and its like) or resumed (`undefined`). The engine does both by itself. */
  onAcceptPaused?(error: SysError | undefined): void;
}

export type ListenAddress =
  | {
      readonly port: number;
      readonly hostname: string;
      readonly reusePort?: boolean;
      readonly ipv6Only?: boolean;
    }
  /** A path; a name in Linux's abstract namespace begins with a NUL. */
  | { readonly unix: string }
  | { readonly fd: number };

export interface Listener {
  /** What was bound: the real port where 0 was asked for. */
  readonly address: RemoteAddress;
  /**
   * Stop accepting and release the listening socket. Open connections go on. Idempotent.
   * Resolves when no `onAccept` can come from it any more: connections that the kernel handed over
   * before it learnt of the end are still accepted.
   */
  close(): Promise<void>;
  /**
   * Takes the connections that wait now, though nobody has told of them. The kernel tells one thread of those that
   * share a socket, and that one may be stuck, or gone. Absent where all are told (node, sim).
   */
  lookNow?(): void;
}

/** Certificates and rules of TLS while a server listens. */
export interface EngineTls {
  /**
   * For connections that begin from now on; those that stand keep theirs. Protocols stay as they were.
   * @throws UnavailableError where OpenSSL refuses it; then all stays as it was
   */
  replace(options: EngineTlsOptions): void;
  /** @param keys as `EngineTlsOptions.ticketKeys` */
  setTicketKeys(keys: readonly Uint8Array[]): void;
}

export interface EngineStats {
  accepted: number;
  /** Connections that `connect` began and that came to stand. */
  connected: number;
  /** Those that ended with `connect-failed`. */
  connectFailures: number;
  closed: number;
  open: number;
  bytesReceived: number;
  bytesSent: number;
  /** Turns of the loop that had work. */
  turns: number;
  /** Times accepting was paused for want of descriptors. */
  acceptPauses: number;
  /** Receive buffers ran out (ENOBUFS) and receiving was re-armed. */
  receiveBufferExhaustions: number;
  /** Submission queue found full and flushed early. */
  submissionQueueFull: number;
  completionQueueOverflows: number;
}

export interface Engine<C extends EngineConnection = EngineConnection> {
  readonly name: EngineName;
  /** Monotonic milliseconds (fractional), read once a turn: comparing against it costs nothing. */
  readonly nowMs: number;
  /**
   * A moment no earlier than the arrival of the connection or the bytes that are being handed over, for
   * deadlines that count from there and must not come early. It has the same clock, and reads it where `nowMs` may be
   * older, because the socket is asked only after other callbacks of the turn.
   */
  readonly arrivalMs: number;
  /**
   * Whether what the handler is doing, in a callback or outside of one, has kept others waiting long enough. To be
   * asked now and then by whoever has much to do for one connection: it keeps the rest, and goes on in `onDrained`
   * (if bytes are unsent) or after `resumeReading`, when others have had their turn. Reads the clock.
   */
  readonly shouldYield: boolean;
  /**
   * Whether a turn is running: it takes its share of each connection by itself. What promises do between turns nobody
   * bounds but those who ask `shouldYield`, and they have to ask more often.
   */
  readonly isInTurn: boolean;
  /** Open connections, and handshakes that are to become some. */
  readonly connectionCount: number;
  /** @throws SysError (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...) */
  listen(address: ListenAddress): Promise<Listener>;
  /**
   * Begins a connection to a server: `onConnect` follows, or `onClosed` with `connect-failed`. Neither
   * comes from within this call. What is committed before the connection stands leaves when it does. A
   * deadline may be set at once, and there is no time limit but that and the kernel's own (about two
   * minutes, net.ipv4.tcp_syn_retries). `reset` gives up at once, and so does `close` when nothing is
   * committed. TCP_NODELAY is set; keepalive is not, since a client has its own deadlines.
   *
   * What connect(2) answers always comes by `onClosed`: ECONNREFUSED, ENOENT of a unix path, EADDRNOTAVAIL
   * when no source port is free. The node engine reports by `onClosed` also what others throw, except for EINVAL.
   * @throws SysError where no socket is to be had (socket: EMFILE, ENFILE, ENOBUFS), the source address is not
   *   ours (bind: EADDRNOTAVAIL), or the target is no address (EINVAL, ENAMETOOLONG): then there is no connection
   * Where the engine was made to connect with TLS, the connection stands when its handshake is complete and the certificate is
   * what was asked for; else `onClosed` comes with `tls-error`, and `errorCode` is OpenSSL's name of why, as node:tls has it.
   * @throws UnavailableError where only accepted connections exist (sim)
   */
  connect(target: ConnectTarget): C;
  /**
   * `onWake` is called at or after `atMs` (the engine's clock), once: as exactly as the kernel's timers wake
   * a thread, some 50 µs, where deadlines tick and `setTimeout` counts milliseconds. One moment an engine: a
   * new one takes the place of one that has not come. Absent where such timers are not to be had (node, sim).
   */
  wakeAt?(atMs: number): void;
  /** Connections that are open now. For tables and shutdown, not for the hot path. */
  connections(): IterableIterator<C>;
  /**
   * Leave new connections in the kernel's queue until `resumeAccepting`; a few that are on their way may
   * still come. Independent of the pauses that the engine makes by itself.
   * @throws UnavailableError where it cannot be done (node)
   */
  pauseAccepting(): void;
  resumeAccepting(): void;
  /** Where TLS is spoken. */
  readonly tls?: EngineTls | undefined;
  stats(): EngineStats;
  /** Close listeners, reset what is open (`engine-closed`), release memory. Resolves when all is released. Idempotent. */
  close(): Promise<void>;
  /**
   * Release every descriptor now, with no callback and no farewell: for the `exit` of a thread, whose
   * descriptors would stay open in its process. Nothing may be called afterwards.
   */
  releaseNow(): void;
  /** Whether the engine keeps the process alive. @default ref'd while listening or connected */
  ref(): void;
  unref(): void;
}

/** What is worth counting of TLS. */
export type TlsEvent =
  /** A handshake came to its end: with a certificate, or by a session that was resumed. */
  | 'full'
  | 'resumed'
  /** It failed, by the error that is told with it. */
  | 'failed'
  /** It was not complete within its time. */
  | 'late'
  /** It was not begun, since the layer above would not have it. */
  | 'refused'
  /** A connection that stood broke, by the error that is told with it. */
  | 'broken'
  /** FIN came without close_notify before it (RFC 8446 §6.1). The node engine is not told. */
  | 'truncated';

/** What the layer above lays down for handshakes below it (TLS), which it is told of only when they are done. */
export interface HandshakeRules {
  /** From accept to the end of the handshake, however its bytes drip. */
  readonly timeoutMs: number;
  /** Whether they count by address; without it they may be told none. */
  readonly needsAddress: boolean;
  /**
   * One would begin; it is counted in `connectionCount` already. `onEnd` follows, whatever the answer.
   * @param address of the peer, empty for one that has gone or has none
   * @returns whether it may
   */
  mayBegin(address: string): boolean;
  /** One is over: it is a connection now, or has failed. */
  onEnd(address: string): void;
  /** One was ended because it was late. @param address as `mayBegin` is told it */
  onTimeout(address: string): void;
  /** @param code Node's name of OpenSSL's error, as ERR_SSL_UNSUPPORTED_PROTOCOL, or empty */
  onEvent?(event: TlsEvent, code: string): void;
}

export interface EngineOptions<C extends EngineConnection = EngineConnection> {
  readonly handler: EngineHandler<C>;
  /** Length of the accept queue. @default 4096, capped by net.core.somaxconn (nginx 511, Go somaxconn) */
  readonly backlog?: number;
  /** Seconds of idle before keepalive probes start, their interval and count: `deadPeer` in these terms. */
  readonly keepAlive?: {
    readonly idleSeconds: number;
    readonly intervalSeconds: number;
    readonly probes: number;
  };
  /** Connections are spread over the threads that share this memory (handoff.ts); engines without descriptors ignore it. */
  readonly handoff?: { readonly buffer: SharedArrayBuffer; readonly thread: number };
  /** Memory from DescriptorLedger.allocate, for the thread that started this one; engines without descriptors ignore it. */
  readonly ledger?: SharedArrayBuffer;
  /** Engines that speak no TLS ignore it. */
  readonly handshakes?: HandshakeRules;
  /** A layer below all others, TLS included: for what comes before the first byte of a protocol. */
  readonly below?: ((next: EngineHandler) => EngineHandler) | undefined;
  /** Called with errors that belong to no connection and no call: the engine goes on. */
  readonly onError?: (error: Error) => void;
}

/**
 * The largest reservation: 64 KiB, in which files and streams are read and which is also the high-water mark for unsent
 * bytes, and a page for what goes around them, a head or the frame of a chunk.
 */
export const SEND_RESERVE_BYTES_MAX = 68 * 1024;

/** Length of one tick of the timing wheel. */
export const DEADLINE_TICK_MS = 4;

/** What an engine that has done nothing has counted. */
export function emptyEngineStats(): EngineStats {
  return {
    accepted: 0,
    closed: 0,
    open: 0,
    connected: 0,
    connectFailures: 0,
    bytesReceived: 0,
    bytesSent: 0,
    turns: 0,
    acceptPauses: 0,
    receiveBufferExhaustions: 0,
    submissionQueueFull: 0,
    completionQueueOverflows: 0,
  };
}
