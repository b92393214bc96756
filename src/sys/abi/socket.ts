/**
 * Sockets: address structures, options and flags, from linux/socket.h, in.h, in6.h, un.h and
 * asm-generic/socket.h. TCP's own are in `tcp.ts`.
 */
import { array, struct } from '../layout.ts';

/** `sin_port` and `sin_addr` are in network order: big-endian. */
export const sockaddr_in = struct('sockaddr_in', 16, {
  sin_family: 'u16',
  sin_port: 'u16',
  sin_addr: 'u32',
  sin_zero: array('u8', 8),
});

export const sockaddr_in6 = struct('sockaddr_in6', 28, {
  sin6_family: 'u16',
  sin6_port: 'u16',
  sin6_flowinfo: 'u32',
  // An array of bytes aligned as u32 in C: sixteen bytes at offset 8 either way.
  sin6_addr: array('u8', 16),
  sin6_scope_id: 'u32',
});

export const sockaddr_un = struct('sockaddr_un', 110, { sun_family: 'u16', sun_path: array('u8', 108) });

/** Holds any address. */
export const sockaddr_storage = struct('sockaddr_storage', 128, {
  ss_family: 'u16',
  __data: array('u8', 118),
  __align: 'u64',
});

export const iovec = struct('iovec', 16, { iov_base: 'u64', iov_len: 'u64' });

export const msghdr = struct('msghdr', 56, {
  msg_name: 'u64',
  msg_namelen: 'u32',
  msg_iov: 'u64',
  msg_iovlen: 'u64',
  msg_control: 'u64',
  msg_controllen: 'u64',
  msg_flags: 's32',
});

export const linger = struct('linger', 8, { l_onoff: 's32', l_linger: 's32' });

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const IPPROTO_IP = 0;
/** 4.2 */
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_BUSY_POLL = 46;
/** Bytes a second, all ones for no limit; TCP paces itself since 4.13, with no need of a queueing discipline. */
export const SO_MAX_PACING_RATE = 47;
export const SO_INCOMING_CPU = 49;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const SO_INCOMING_NAPI_ID = 56;
export const SO_ZEROCOPY = 60;

export const MSG_OOB = 0x1;
export const MSG_PEEK = 0x2;
export const MSG_DONTROUTE = 0x4;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_EOR = 0x80;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_ZEROCOPY = 0x400_0000;
export const MSG_FASTOPEN = 0x2000_0000;
export const MSG_CMSG_CLOEXEC = 0x4000_0000;

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/** Compiled-in default of net.core.somaxconn since 5.4; 128 before. */
export const SOMAXCONN = 4096;
