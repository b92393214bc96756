/** The two addresses of a TCP socket, in the form of the contract. */
import type { Socket } from 'node:net';
import type { RemoteAddress } from '../engine.ts';

export const UNIX_PEER: RemoteAddress = { family: 'unix', address: '', port: 0 };

/** `undefined` before it stands, and once it is gone. */
export function remoteAddressOf(socket: Socket): RemoteAddress | undefined {
  const { remoteAddress, remoteFamily, remotePort } = socket;
  if (remoteAddress === undefined) return undefined;
  return { family: familyOf(remoteFamily), address: remoteAddress, port: remotePort ?? 0 };
}

/** `undefined` for a unix socket, and once it is gone. */
export function localAddressOf(socket: Socket): RemoteAddress | undefined {
  const { localAddress, localFamily, localPort } = socket;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return { family: familyOf(localFamily), address: localAddress, port: localPort };
}

function familyOf(name: string | undefined): 'IPv6' | 'IPv4' {
  return name === 'IPv6' ? 'IPv6' : 'IPv4';
}
