/**
 * Begins an outgoing connection with a `net.Socket` of our own making, which therefore reads into the shared
 * buffer by public means. Knows no connections.
 */
import { isIPv4, isIPv6, Socket } from 'node:net';
import { SysError } from '../../base/errors.ts';
import type { ConnectTarget } from '../engine.ts';
import type { OnRead } from './adopt.ts';
import { checkName } from './listen.ts';

interface ConnectOptions {
  readonly readBufferBytes: number;
  /** `undefined` for 'data' events. */
  readonly onRead: OnRead | undefined;
}

/** @throws SysError EINVAL where Node would take a text that is no address for a name and look it up, or an abstract name for another */
export function beginConnecting(target: ConnectTarget, { readBufferBytes, onRead }: ConnectOptions): Socket {
  if ('unix' in target) checkName('connect', target.unix);
  else check(target);
  const socket = new Socket({
    allowHalfOpen: true,
    noDelay: true,
    highWaterMark: readBufferBytes,
    ...(onRead === undefined ? {} : { onread: onRead }),
  } as ConstructorParameters<typeof Socket>[0]);
  if ('unix' in target) return socket.connect({ path: target.unix });
  const { address, port, localAddress } = target;
  return socket.connect({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) });
}

function check({ family, address, port, localAddress }: Exclude<ConnectTarget, { unix: string }>): void {
  const isAddress = family === 'IPv4' ? isIPv4 : isIPv6;
  const isPort = Number.isInteger(port) && port >= 0 && port <= 0xffff;
  if (isAddress(address) && isPort && (localAddress === undefined || isAddress(localAddress))) return;
  const from = localAddress === undefined ? '' : ` from ${localAddress}`;
  throw new SysError(
    'connect',
    22,
    'EINVAL',
    `${address} port ${port}${from}`,
    `this is no ${family} address`,
  );
}
