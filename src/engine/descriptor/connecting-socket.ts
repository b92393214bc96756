/**
 * Opens sockets for outgoing connections and begins to connect them, for the engines that own descriptors.
 * How they learn that a connection stands is theirs.
 *
 * A load generator does this tens of thousands of times a second, for one target or a few: so the kernel's
 * form of the addresses is kept, and a connection costs three system calls here (socket, TCP_NODELAY, connect),
 * two more with a source address.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IP_BIND_ADDRESS_NO_PORT,
  IPPROTO_IP,
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  sockaddr_storage,
} from '../../sys/abi/socket.ts';
import { TCP_NODELAY } from '../../sys/abi/tcp.ts';
import { encodeAddressInto, type SocketAddress } from '../../sys/address.ts';
import { sysError } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { bindEncoded, closeFd, connectEncoded, setsockoptInt, socket } from '../../sys/socket.ts';
import type { ConnectTarget } from '../engine.ts';

const SOCKET_TYPE = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
/** Targets that are kept: those of a load generator with many source addresses, say. The oldest goes first. */
const KEPT_MAX = 64;
const ADDRESS_BYTES = sockaddr_storage.size;

/** A target in the kernel's form. */
interface Encoded {
  readonly target: ConnectTarget;
  readonly domain: number;
  readonly address: number;
  readonly length: number;
  readonly localAddress: number;
  /** 0 for none. */
  readonly localLength: number;
}

export class ConnectingSockets {
  #memory: Memory | undefined;
  readonly #kept: Encoded[] = [];
  #oldest = 0;

  /**
   * A socket that can be connected to `target`, bound to the source address if there is one.
   * @throws SysError socket: EMFILE and its like; bind: EADDRNOTAVAIL; connect: EINVAL, ENAMETOOLONG for what is no address
   */
  open(target: ConnectTarget): number {
    const { domain, localAddress, localLength } = this.#encoded(target);
    const fd = socket(domain, SOCKET_TYPE, 0);
    if (fd < 0) throw sysError('socket', fd, show(target));
    if (domain !== AF_UNIX) setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (localLength === 0) return fd;
    // Since Linux 4.2. Without it a port serves one connection from this source address, whatever the target: some 28,000 in all.
    setsockoptInt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const bound = bindEncoded(fd, localAddress, localLength);
    if (bound >= 0) return fd;
    closeFd(fd);
    throw sysError('bind', bound, show(target));
  }

  /** @returns 0, or a negative errno: -EINPROGRESS is the usual answer, also where the peer has answered already */
  begin(fd: number, target: ConnectTarget): number {
    const { address, length } = this.#encoded(target);
    return connectEncoded(fd, address, length);
  }

  release(): void {
    this.#memory?.release();
    this.#memory = undefined;
    this.#kept.length = 0;
  }

  #encoded(target: ConnectTarget): Encoded {
    const kept = this.#kept;
    for (let i = 0; i < kept.length; i++) if (kept[i]!.target === target) return kept[i]!;
    const place = kept.length < KEPT_MAX ? kept.length : this.#oldest++ % KEPT_MAX;
    const encoded = this.#encode(target, place * 2 * ADDRESS_BYTES);
    kept[place] = encoded;
    return encoded;
  }

  #encode(target: ConnectTarget, offset: number): Encoded {
    this.#memory ??= allocate(KEPT_MAX * 2 * ADDRESS_BYTES);
    const { address, buffer } = this.#memory;
    const into = (at: number, from: SocketAddress): number => {
      const length = encodeAddressInto(new DataView(buffer, at, ADDRESS_BYTES), from);
      if (length < 0) throw sysError('connect', length, show(target));
      return length;
    };
    const isUnix = 'unix' in target;
    const local = isUnix ? undefined : target.localAddress;
    const localOffset = offset + ADDRESS_BYTES;
    return {
      target,
      domain: isUnix ? AF_UNIX : target.family === 'IPv6' ? AF_INET6 : AF_INET,
      address: address + offset,
      length: into(offset, isUnix ? { family: 'unix', address: target.unix, port: 0 } : target),
      localAddress: address + localOffset,
      localLength:
        isUnix || local === undefined
          ? 0
          : into(localOffset, { family: target.family, address: local, port: 0 }),
    };
  }
}

function show(target: ConnectTarget): string {
  if ('unix' in target) return target.unix;
  const { family, address, port, localAddress } = target;
  const text = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  return localAddress === undefined ? text : `${text} from ${localAddress}`;
}
