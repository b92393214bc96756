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

export function destroySelf(this: Socket): void {
  this.destroy();
}

/** With bytes unread close(2) is RST. A socket that has been resumed is read when the event loop polls next. */
export function destroyAfterPoll(socket: Socket): void {
  setImmediate(() => setImmediate(() => socket.destroy()));
}
