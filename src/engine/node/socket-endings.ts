/** How a socket goes down. */
import type { Socket } from 'node:net';

/** Without FIN: RST where the transport has one. */
export type ResetSocket = (socket: Socket) => void;

export function resetTcp(socket: Socket): void {
  socket.resetAndDestroy();
}

/** A unix socket knows no RST. */
export function destroySocket(socket: Socket): void {
  socket.destroy();
}

function destroySelf(this: Socket): void {
  this.destroy();
}

/** With bytes unread close(2) is RST. A socket that has been resumed is read when the event loop polls next. */
function destroyAfterPoll(socket: Socket): void {
  setImmediate(() => setImmediate(() => socket.destroy()));
}

/**
 * Everything has been written. close(2) sends the FIN by itself, one system call less than shutdown(2) and close(2). TLS has its own
 * farewell (close_notify, RFC 8446 §6.1), which only `end` sends.
 * @param isUnread something may wait to be read
 * @returns whether the socket is closed now; else it will be when the farewell has left
 */
export function closeSocket(socket: Socket, isUnread: boolean): boolean {
  if ((socket as { encrypted?: boolean }).encrypted !== true || socket.writableFinished) {
    if (isUnread) destroyAfterPoll(socket);
    else socket.destroy();
    return true;
  }
  socket.once('finish', destroySelf);
  if (!socket.writableEnded) socket.end();
  return false;
}

/**
 * RST for the TCP connection below. `_parent` is not documented; without it the descriptor is closed,
 * and the kernel goes on sending what it holds.
 */
export function resetTls(socket: Socket): void {
  const tcp = (socket as { _parent?: Socket | null })._parent;
  if (typeof tcp?.resetAndDestroy === 'function') tcp.resetAndDestroy();
  else socket.destroy();
}
