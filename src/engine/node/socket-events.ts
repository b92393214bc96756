/**
 * The events of a socket, told to its connection. One set of functions for all sockets: Node calls
 * them with the socket as `this`, and the socket carries its connection, so an accepted socket costs
 * no closure.
 */
import { Socket } from 'node:net';
import type { EngineCloseReason } from '../engine.ts';
import type { NodeConnection } from './connection.ts';

const CONNECTION = Symbol('holdfast.connection');

interface OwnSocket extends Socket {
  [CONNECTION]: NodeConnection;
}

const destroyNow = Socket.prototype.destroy;

/** @param isAdopted bytes come through `onRead`, not as 'data' events */
export function watchSocket(socket: Socket, conn: NodeConnection, isAdopted: boolean): void {
  (socket as OwnSocket)[CONNECTION] = conn;
  if (!isAdopted) socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('error', onError);
  socket.on('close', onClose);
  // Below TLS what waits is not ours to read.
  if ((socket as { encrypted?: boolean }).encrypted !== true) socket.destroy = destroyWhenRead;
}

/** No event reaches the connection any more. */
export function unwatchSocket(socket: Socket): void {
  socket.removeListener('data', onData);
  socket.removeListener('end', onEnd);
  socket.removeListener('close', onClose);
}

/** `onread` of `net.Socket`. @returns whether to go on reading. @hot */
export function onRead(this: Socket, byteCount: number, buffer: Uint8Array): boolean {
  const conn = (this as OwnSocket)[CONNECTION];
  return conn.owner.received(conn, buffer, byteCount);
}

/** @hot */
function onData(this: OwnSocket, bytes: Buffer): void {
  const conn = this[CONNECTION];
  conn.owner.received(conn, bytes, bytes.length);
}

function onEnd(this: OwnSocket): void {
  const conn = this[CONNECTION];
  conn.owner.peerEnded(conn);
}

/**
 * In place of `destroy`, with which Node answers a write that fails, though the kernel has kept what the peer sent before:
 * the answer of a server that refused an upload and closed.
 */
function destroyWhenRead(this: Socket, error?: NodeJS.ErrnoException): Socket {
  const conn = (this as OwnSocket)[CONNECTION];
  if (error?.syscall !== 'write') return destroyNow.call(this, error);
  if (conn.hasSendFailed) return this;
  if (!conn.sendFailed(error.code ?? '')) return destroyNow.call(this, error);
  readRest(this as OwnSocket, error, -1);
  return this;
}

/**
 * Goes on for as long as each poll brings bytes: a whole one lies between two immediates. That it ended with FIN is not
 * told of a stream that has an error, but EPIPE says so where TCP is below (tcp_reset in net/ipv4/tcp_input.c).
 */
function readRest(socket: OwnSocket, error: NodeJS.ErrnoException, readBefore: number): void {
  if (socket.destroyed) return;
  const conn = socket[CONNECTION];
  const { bytesRead } = socket;
  if (bytesRead > readBefore && conn.readsOn) {
    setImmediate(() => setImmediate(() => readRest(socket, error, bytesRead)));
    return;
  }
  try {
    if (error.code === 'EPIPE' && conn.readsOn && !conn.isUnix) conn.owner.peerEnded(conn);
  } finally {
    destroyNow.call(socket, error);
  }
}

/** For `once('connect', ...)` of a socket that is watched. */
export function onConnect(this: Socket): void {
  const conn = (this as OwnSocket)[CONNECTION];
  conn.owner.socketConnected(conn);
}

/** 'close' follows and reports. */
function onError(this: OwnSocket, error: NodeJS.ErrnoException): void {
  this[CONNECTION].failed(reasonOf(error.code), error.code ?? '');
}

function onClose(this: OwnSocket): void {
  const conn = this[CONNECTION];
  conn.owner.socketClosed(conn);
}

function reasonOf(code: string | undefined): EngineCloseReason {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
    case 'ENOTCONN':
      return 'peer-reset';
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return 'peer-dead';
    default:
      return 'io-error';
  }
}
