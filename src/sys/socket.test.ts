import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  iovec,
  MSG_NOSIGNAL,
  msghdr,
  SHUT_WR,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from './abi/socket.ts';
import { TCP_ESTABLISHED, tcp_info } from './abi/tcp.ts';
import type { SocketAddress } from './address.ts';
import { isOpenFd } from './descriptor.ts';
import { ERRNO } from './errno.ts';
import { allocate, PAGE_BYTES, storeAddress } from './memory.ts';
import {
  accept4,
  bindAddress,
  closeFd,
  connectAddress,
  duplicateFd,
  getpeername,
  getsockname,
  getsockoptInt,
  listen,
  recv,
  send,
  sendmsg,
  setLinger,
  setsockoptInt,
  shutdown,
  socket,
  tcpInfo,
} from './socket.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

function addressOf(result: SocketAddress | number): SocketAddress {
  assert.ok(typeof result !== 'number', `errno ${result}`);
  return result;
}

/** A connected pair over loopback, and the address that was listened on. */
function connectedPair(address: SocketAddress): { client: number; server: number; bound: SocketAddress } {
  const domain = address.family === 'IPv4' ? AF_INET : address.family === 'IPv6' ? AF_INET6 : AF_UNIX;
  const listener = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert.ok(listener >= 0);
  assert.equal(bindAddress(listener, address), 0);
  assert.equal(listen(listener, 8), 0);
  const bound = addressOf(getsockname(listener));
  const client = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert.equal(connectAddress(client, bound), 0);
  const server = accept4(listener, SOCK_NONBLOCK | SOCK_CLOEXEC);
  assert.ok(server >= 0);
  closeFd(listener);
  return { client, server, bound };
}

const LOOPBACK: SocketAddress = { family: 'IPv4', address: '127.0.0.1', port: 0 };

test('bytes go from one socket to the other, and FIN is a receive of 0', { skip }, () => {
  const { client, server } = connectedPair(LOOPBACK);
  const memory = allocate(PAGE_BYTES);
  assert.equal(recv(server, memory.address, 100, 0), -ERRNO.EAGAIN);
  memory.bytes.set([1, 2, 3]);
  assert.equal(send(client, memory.address, 3, MSG_NOSIGNAL), 3);
  assert.equal(recv(server, memory.address + 100, 100, 0), 3);
  assert.deepEqual([...memory.bytes.subarray(100, 104)], [1, 2, 3, 0]);
  assert.equal(shutdown(client, SHUT_WR), 0);
  assert.equal(recv(server, memory.address, 100, 0), 0);
  closeFd(client);
  closeFd(server);
  memory.release();
});

test('both ends know both addresses, over IPv4, IPv6 and abstract unix sockets', { skip }, (t) => {
  const six = socket(AF_INET6, SOCK_STREAM, 0);
  const hasIPv6 = six >= 0 && bindAddress(six, { family: 'IPv6', address: '::1', port: 0 }) === 0;
  if (six >= 0) closeFd(six);
  if (!hasIPv6) t.diagnostic('no IPv6 on this host');
  const v4 = connectedPair(LOOPBACK);
  const pairs = hasIPv6 ? [v4, connectedPair({ family: 'IPv6', address: '::1', port: 0 })] : [v4];
  for (const { client, server, bound } of pairs) {
    assert.ok(bound.port > 0);
    assert.deepEqual(getpeername(client), bound);
    assert.deepEqual(getpeername(server), getsockname(client));
    closeFd(client);
    closeFd(server);
  }
  const name: SocketAddress = { family: 'unix', address: `\0holdfast-test-${process.pid}`, port: 0 };
  const { client, server, bound } = connectedPair(name);
  assert.deepEqual(bound, name);
  assert.deepEqual(getpeername(client), name);
  assert.deepEqual(getpeername(server), { family: 'unix', address: '', port: 0 });
  closeFd(client);
  closeFd(server);
});

test('an address in use, and one that is no address, are errnos and not exceptions', { skip }, () => {
  const first = socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(bindAddress(first, LOOPBACK), 0);
  const second = socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(bindAddress(second, addressOf(getsockname(first))), -ERRNO.EADDRINUSE);
  assert.equal(bindAddress(second, { family: 'IPv4', address: 'localhost', port: 1 }), -ERRNO.EINVAL);
  assert.equal(getpeername(first), -ERRNO.ENOTCONN);
  closeFd(first);
  closeFd(second);
  assert.equal(closeFd(second), -ERRNO.EBADF);
});

test('options are set and read back', { skip }, () => {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(getsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR), 0);
  assert.equal(setsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
  assert.equal(getsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR), 1);
  assert.equal(getsockoptInt(fd, SOL_SOCKET, 9999), -ERRNO.ENOPROTOOPT);
  closeFd(fd);
});

test('closing with a linger of 0 seconds resets the peer', { skip }, () => {
  const { client, server } = connectedPair(LOOPBACK);
  assert.equal(setLinger(client, 0), 0);
  closeFd(client);
  const memory = allocate(PAGE_BYTES);
  assert.equal(recv(server, memory.address, 10, 0), -ERRNO.ECONNRESET);
  closeFd(server);
  memory.release();
});

test('a message of several pieces arrives as one run of bytes', { skip }, () => {
  const { client, server } = connectedPair(LOOPBACK);
  const memory = allocate(PAGE_BYTES);
  const words = new Uint32Array(memory.buffer);
  const at = { message: 0, pieces: 128, first: 512, second: 600 };
  memory.bytes.set(new TextEncoder().encode('hello '), at.first);
  memory.bytes.set(new TextEncoder().encode('world'), at.second);
  for (const [i, piece, length] of [
    [0, at.first, 6],
    [1, at.second, 5],
  ] as const) {
    const base = at.pieces + i * iovec.size;
    storeAddress(words, (base + iovec.offset.iov_base) / 4, memory.address + piece);
    storeAddress(words, (base + iovec.offset.iov_len) / 4, length);
  }
  storeAddress(words, (at.message + msghdr.offset.msg_iov) / 4, memory.address + at.pieces);
  storeAddress(words, (at.message + msghdr.offset.msg_iovlen) / 4, 2);
  assert.equal(sendmsg(client, memory.address + at.message, MSG_NOSIGNAL), 11);
  assert.equal(recv(server, memory.address + 1024, 100, 0), 11);
  assert.equal(new TextDecoder().decode(memory.bytes.slice(1024, 1024 + 11)), 'hello world');
  closeFd(client);
  closeFd(server);
  memory.release();
});

test('TCP_INFO tells state, unacknowledged bytes and the window of the peer', { skip }, () => {
  const { client, server } = connectedPair(LOOPBACK);
  const memory = allocate(PAGE_BYTES);
  const filled = tcpInfo(client, memory.address, tcp_info.size);
  assert.ok(filled > tcp_info.offset.tcpi_total_retrans, `${filled} bytes`);
  const view = new DataView(memory.buffer);
  assert.equal(view.getUint8(tcp_info.offset.tcpi_state), TCP_ESTABLISHED);
  assert.equal(view.getUint32(tcp_info.offset.tcpi_unacked, true), 0);
  if (filled === tcp_info.size) assert.ok(view.getUint32(tcp_info.offset.tcpi_snd_wnd, true) > 0);
  assert.equal(tcpInfo(-1, memory.address, tcp_info.size), -ERRNO.EBADF);
  closeFd(client);
  closeFd(server);
  memory.release();
});

test('a duplicate lives on when the first descriptor is closed', { skip }, () => {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(bindAddress(fd, LOOPBACK), 0);
  const bound = getsockname(fd);
  const duplicate = duplicateFd(fd);
  assert.notEqual(duplicate, fd);
  closeFd(fd);
  assert.ok(!isOpenFd(fd));
  assert.deepEqual(getsockname(duplicate), bound);
  closeFd(duplicate);
});
