/**
 * Socket calls, one typed function each. All answer 0 or more, or a NEGATIVE errno, and never throw: who
 * calls decides what an errno means. Addresses of buffers are numbers, from `memory.ts`.
 */

import { F_DUPFD_CLOEXEC } from './abi/file.ts';
import { IPPROTO_TCP, linger, MSG_DONTWAIT, SO_LINGER, SOL_SOCKET, sockaddr_storage } from './abi/socket.ts';
import { TCP_INFO } from './abi/tcp.ts';
import { encodeAddressInto, parseAddress, type SocketAddress } from './address.ts';
import { fcntl } from './descriptor.ts';
import { ERRNO } from './errno.ts';
import { loadFfi } from './ffi.ts';
import { PAGE_BYTES, scratch } from './memory.ts';

/** Where the scratch page holds a length that the kernel reads and writes, behind any address. */
const LENGTH_OFFSET = sockaddr_storage.size;

/** @returns the descriptor */
export function socket(domain: number, type: number, protocol: number): number {
  const ffi = loadFfi();
  const fd = ffi.libc.socket(domain, type, protocol);
  return fd < 0 ? -ffi.errno[0]! : fd;
}

export function bindAddress(fd: number, address: SocketAddress): number {
  const ffi = loadFfi();
  const page = scratch();
  const length = encodeAddressInto(page.view, address);
  if (length < 0) return length;
  return ffi.libc.bind(fd, page.address, length) < 0 ? -ffi.errno[0]! : 0;
}

/** @returns 0, or a negative errno: -EINPROGRESS on a socket that does not block */
export function connectAddress(fd: number, address: SocketAddress): number {
  const ffi = loadFfi();
  const page = scratch();
  const length = encodeAddressInto(page.view, address);
  if (length < 0) return length;
  return ffi.libc.connect(fd, page.address, length) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * Does what `bindAddress` and `connectAddress` do, with an address that is in memory in the kernel's form already.
 * @hot one a connection
 */
export function bindEncoded(fd: number, address: number, length: number): number {
  const ffi = loadFfi();
  return ffi.libc.bind(fd, address, length) < 0 ? -ffi.errno[0]! : 0;
}

/** @hot one a connection */
export function connectEncoded(fd: number, address: number, length: number): number {
  const ffi = loadFfi();
  return ffi.libc.connect(fd, address, length) < 0 ? -ffi.errno[0]! : 0;
}

export function listen(fd: number, backlog: number): number {
  const ffi = loadFfi();
  return ffi.libc.listen(fd, backlog) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * The peer's address is not asked for: most servers never look, and `getpeername` finds it later.
 * @hot one a connection
 * @returns the connection's descriptor
 */
export function accept4(fd: number, flags: number): number {
  const ffi = loadFfi();
  const accepted = ffi.libc.accept4(fd, 0, 0, flags);
  return accepted < 0 ? -ffi.errno[0]! : accepted;
}

export function setsockoptInt(fd: number, level: number, name: number, value: number): number {
  const ffi = loadFfi();
  const page = scratch();
  page.i32[0] = value;
  return ffi.libc.setsockopt(fd, level, name, page.address, Int32Array.BYTES_PER_ELEMENT) < 0
    ? -ffi.errno[0]!
    : 0;
}

/** @returns the option's value, which is never negative for the options of a server, or a negative errno */
export function getsockoptInt(fd: number, level: number, name: number): number {
  const ffi = loadFfi();
  const page = scratch();
  page.i32[0] = 0;
  page.i32[1] = Int32Array.BYTES_PER_ELEMENT;
  const result = ffi.libc.getsockopt(
    fd,
    level,
    name,
    page.address,
    page.address + Int32Array.BYTES_PER_ELEMENT,
  );
  return result < 0 ? -ffi.errno[0]! : page.i32[0]!;
}

/**
 * SO_LINGER. With 0 seconds a close sends RST and drops what is unsent.
 * @param seconds undefined switches lingering off, which is the kernel's default
 */
export function setLinger(fd: number, seconds: number | undefined): number {
  const ffi = loadFfi();
  const page = scratch();
  page.view.setInt32(linger.offset.l_onoff, seconds === undefined ? 0 : 1, true);
  page.view.setInt32(linger.offset.l_linger, seconds ?? 0, true);
  return ffi.libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, page.address, linger.size) < 0 ? -ffi.errno[0]! : 0;
}

export function shutdown(fd: number, how: number): number {
  const ffi = loadFfi();
  return ffi.libc.shutdown(fd, how) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * The descriptor is free afterwards whatever this answers, EINTR included (close(2), "Dealing with error
 * returns"): never call it twice.
 * @hot one a connection
 */
export function closeFd(fd: number): number {
  const ffi = loadFfi();
  return ffi.libc.close(fd) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * @hot one or two a request
 * @returns bytes received, 0 at the peer's FIN, or a negative errno
 */
export function recv(fd: number, address: number, length: number, flags: number): number {
  const ffi = loadFfi();
  const received = ffi.libc.recv(fd, address, length, flags);
  return received < 0 ? -ffi.errno[0]! : received;
}

/** Reads and drops what has arrived, until nothing is there or `maxBytes` have been. @returns bytes dropped */
export function discardReceived(fd: number, maxBytes: number): number {
  const { address } = scratch();
  let discardedBytes = 0;
  while (discardedBytes < maxBytes) {
    const size = recv(fd, address, PAGE_BYTES, MSG_DONTWAIT);
    if (size > 0) discardedBytes += size;
    else if (size !== -ERRNO.EINTR) break;
  }
  return discardedBytes;
}

/**
 * Give MSG_NOSIGNAL: Node ignores SIGPIPE, an embedder may not.
 * @hot one a response
 * @returns bytes taken, maybe fewer than given, or a negative errno
 */
export function send(fd: number, address: number, length: number, flags: number): number {
  const ffi = loadFfi();
  const sent = ffi.libc.send(fd, address, length, flags);
  return sent < 0 ? -ffi.errno[0]! : sent;
}

/**
 * @param messageAddress an msghdr
 * @hot one a response of several pieces
 */
export function sendmsg(fd: number, messageAddress: number, flags: number): number {
  const ffi = loadFfi();
  const sent = ffi.libc.sendmsg(fd, messageAddress, flags);
  return sent < 0 ? -ffi.errno[0]! : sent;
}

/** A second descriptor for the same socket, closed on exec: each lives until it is closed. */
export function duplicateFd(fd: number): number {
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/** The address a socket is bound to, or a negative errno. */
export function getsockname(fd: number): SocketAddress | number {
  const ffi = loadFfi();
  const page = lengthInScratch(sockaddr_storage.size);
  const result = ffi.libc.getsockname(fd, page.address, page.address + LENGTH_OFFSET);
  return result < 0 ? -ffi.errno[0]! : parseAddress(page.view, page.view.getUint32(LENGTH_OFFSET, true));
}

/** The peer's address, or a negative errno: -ENOTCONN once it has reset the connection. */
export function getpeername(fd: number): SocketAddress | number {
  const ffi = loadFfi();
  const page = lengthInScratch(sockaddr_storage.size);
  const result = ffi.libc.getpeername(fd, page.address, page.address + LENGTH_OFFSET);
  return result < 0 ? -ffi.errno[0]! : parseAddress(page.view, page.view.getUint32(LENGTH_OFFSET, true));
}

/**
 * TCP_INFO into memory of the caller, to be read with the offsets of `tcp_info`.
 * @param address memory for at least tcp_info.size bytes
 * @returns bytes that the kernel filled in (older kernels know fewer fields), or a negative errno
 */
export function tcpInfo(fd: number, address: number, length: number): number {
  const ffi = loadFfi();
  const page = lengthInScratch(length);
  const result = ffi.libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, address, page.address + LENGTH_OFFSET);
  return result < 0 ? -ffi.errno[0]! : page.view.getUint32(LENGTH_OFFSET, true);
}

function lengthInScratch(length: number): ReturnType<typeof scratch> {
  const page = scratch();
  page.view.setUint32(LENGTH_OFFSET, length, true);
  return page;
}
