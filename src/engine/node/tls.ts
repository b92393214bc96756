/**
 * TLS for the node engine. A connection is accepted, as the layer above sees it, when its handshake is
 * complete; until then handshakes.ts looks after it.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { EngineTlsOptions } from '../tls/tls-options.ts';
import type { NodeTlsOptions, ServerFactory } from './options.ts';

/** Node's own is begun anew by each byte: it would let a handshake drip for ever. Ours is absolute. */
const HANDSHAKE_TIMEOUT_MS = 2 ** 31 - 1;

/** A name and two keys of 16 bytes: what `tls.createServer` takes of a ticket's keys. */
const NODE_TICKET_KEY_BYTES = 48;

/** What every engine takes for TLS, as node:tls wants it. */
export function nodeTlsOptions({ alpn, ticketKeys, ...material }: EngineTlsOptions): NodeTlsOptions {
  return {
    ...material,
    ALPNProtocols: [...alpn],
    ...(ticketKeys === undefined
      ? {}
      : { ticketKeys: Buffer.from(ticketKeys.subarray(0, NODE_TICKET_KEY_BYTES)) }),
  };
}

export function tlsServerFactory(tls: NodeTlsOptions): ServerFactory {
  return (options): Server =>
    createServer({
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ...tls,
      ...options,
    });
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
