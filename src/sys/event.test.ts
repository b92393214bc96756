import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { IOCB_CMD_POLL, IOCB_FLAG_RESFD, io_event, iocb } from './abi/aio.ts';
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN,
  epoll_event,
  POLLIN,
} from './abi/epoll.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_NONBLOCK, SPLICE_F_MOVE } from './abi/file.ts';
import { TFD_CLOEXEC, TFD_NONBLOCK } from './abi/time.ts';
import { ioDestroy, ioGetevents, ioSetup, ioSubmit } from './aio.ts';
import { monotonicMs } from './clock.ts';
import {
  dup3,
  fcntl,
  isOpenFd,
  pipe2,
  pipeCapacity,
  preadFd,
  readFd,
  sendfile,
  setNonBlocking,
  setPipeCapacity,
  splice,
  writeFd,
} from './descriptor.ts';
import { epollCreate1, epollCtl, epollWait } from './epoll.ts';
import { ERRNO } from './errno.ts';
import { eventfd, eventfdRead, eventfdWrite, timerfdCreate, timerfdSettime } from './event.ts';
import { allocate, PAGE_BYTES, storeAddress } from './memory.ts';
import { closeFd } from './socket.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

function newPipe(flags = O_CLOEXEC | O_NONBLOCK): { readFd: number; writeFd: number } {
  const pipe = pipe2(flags);
  assert.ok(typeof pipe !== 'number');
  return pipe;
}

test('an eventfd adds up what is written and is 0 again after a read', { skip }, () => {
  const fd = eventfd(2, EFD_CLOEXEC | EFD_NONBLOCK);
  assert.equal(eventfdWrite(fd, 5), 0);
  assert.equal(eventfdWrite(fd, 0xffff_ffff), 0);
  assert.equal(eventfdRead(fd), 7 + 0xffff_ffff);
  assert.equal(eventfdRead(fd), -ERRNO.EAGAIN);
  closeFd(fd);
});

test('a timer fires at its moment and not before', { skip }, () => {
  // Without TFD_NONBLOCK: the read waits.
  const fd = timerfdCreate(TFD_CLOEXEC);
  const at = monotonicMs() + 15;
  assert.equal(timerfdSettime(fd, at), 0);
  assert.equal(eventfdRead(fd), 1);
  assert.ok(monotonicMs() >= at);
  closeFd(fd);
});

test('a timer for a moment in the past fires at once, and Infinity disarms', { skip }, () => {
  const fd = timerfdCreate(TFD_CLOEXEC | TFD_NONBLOCK);
  for (const past of [-5, 0, 0.5]) {
    assert.equal(timerfdSettime(fd, past), 0);
    assert.equal(eventfdRead(fd), 1);
  }
  assert.equal(timerfdSettime(fd, 1), 0);
  assert.equal(timerfdSettime(fd, Number.POSITIVE_INFINITY), 0);
  assert.equal(eventfdRead(fd), -ERRNO.EAGAIN);
  // A fraction that rounds up to a whole second must not reach 10^9 nanoseconds.
  assert.equal(timerfdSettime(fd, 1999.9999999), 0);
  closeFd(fd);
});

test("the monotonic clock runs like the runtime's", { skip }, () => {
  const offset = monotonicMs() - performance.now();
  const later = monotonicMs() - performance.now();
  assert.ok(Math.abs(later - offset) < 50);
  assert.ok(Math.abs(monotonicMs() - Number(process.hrtime.bigint()) / 1e6) < 50);
});

test('epoll tells which descriptor is ready, with the 64 bits it was given', { skip }, () => {
  const ep = epollCreate1();
  const fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const memory = allocate(PAGE_BYTES);
  const view = new DataView(memory.buffer);
  const { events, data } = epoll_event.offset;
  assert.equal(epollCtl(ep, EPOLL_CTL_ADD, fd, (EPOLLIN | EPOLLET) >>> 0, 0xdead_beef, 7), 0);
  assert.equal(epollCtl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1), -ERRNO.EEXIST);
  assert.equal(epollWait(ep, memory.address, 8, 0), 0);
  eventfdWrite(fd, 1);
  assert.equal(epollWait(ep, memory.address, 8, 0), 1);
  assert.equal(view.getUint32(events, true), EPOLLIN);
  assert.equal(view.getUint32(data, true), 0xdead_beef);
  assert.equal(view.getUint32(data + 4, true), 7);
  // Edge-triggered: told once.
  assert.equal(epollWait(ep, memory.address, 8, 0), 0);
  assert.equal(epollCtl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 2), 0);
  assert.equal(epollWait(ep, memory.address, 8, 0), 1);
  assert.equal(epollCtl(ep, EPOLL_CTL_DEL, fd, 0, 0), 0);
  assert.equal(epollWait(ep, memory.address, 8, 0), 0);
  closeFd(fd);
  closeFd(ep);
  memory.release();
});

test('an AIO poll on epoll signals an eventfd when something becomes ready', { skip }, (t) => {
  const context = ioSetup(4);
  if (context < 0) return t.skip(`no AIO here: errno ${-context}`);
  const ep = epollCreate1();
  const source = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const memory = allocate(PAGE_BYTES);
  const view = new DataView(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  const at = 64;
  epollCtl(ep, EPOLL_CTL_ADD, source, EPOLLIN, 0);
  storeAddress(words, 0, memory.address + at);
  storeAddress(words, (at + iocb.offset.aio_data) / 4, 42);
  view.setUint16(at + iocb.offset.aio_lio_opcode, IOCB_CMD_POLL, true);
  view.setUint32(at + iocb.offset.aio_fildes, ep, true);
  view.setUint32(at + iocb.offset.aio_buf, POLLIN, true);
  view.setUint32(at + iocb.offset.aio_flags, IOCB_FLAG_RESFD, true);
  view.setUint32(at + iocb.offset.aio_resfd, signal, true);
  assert.equal(ioSubmit(context, 1, memory.address), 1);
  assert.equal(eventfdRead(signal), -ERRNO.EAGAIN);
  eventfdWrite(source, 1);
  // One eventfd must not signal another from within its write, so the kernel's workers do it a little later.
  assert.equal(setNonBlocking(signal, false), 0);
  assert.equal(eventfdRead(signal), 1);
  assert.equal(ioGetevents(context, 0, 4, memory.address + 512, 0), 1);
  assert.equal(view.getUint32(512 + io_event.offset.data, true), 42);
  assert.equal(view.getUint32(512 + io_event.offset.res, true) & POLLIN, POLLIN);
  assert.equal(ioDestroy(context), 0);
  for (const fd of [ep, source, signal]) closeFd(fd);
  memory.release();
});

test('a pipe carries bytes and ends with 0', { skip }, () => {
  const pipe = newPipe();
  const memory = allocate(PAGE_BYTES);
  assert.equal(readFd(pipe.readFd, memory.address, 10), -ERRNO.EAGAIN);
  memory.bytes.set([9, 8, 7]);
  assert.equal(writeFd(pipe.writeFd, memory.address, 3), 3);
  assert.equal(readFd(pipe.readFd, memory.address + 10, 10), 3);
  assert.deepEqual([...memory.bytes.subarray(10, 13)], [9, 8, 7]);
  closeFd(pipe.writeFd);
  assert.equal(readFd(pipe.readFd, memory.address, 10), 0);
  closeFd(pipe.readFd);
  memory.release();
});

test('the capacity of a pipe can be set, and blocking switched', { skip }, () => {
  const pipe = newPipe();
  assert.equal(setPipeCapacity(pipe.readFd, 2 * PAGE_BYTES), 2 * PAGE_BYTES);
  assert.equal(pipeCapacity(pipe.writeFd), 2 * PAGE_BYTES);
  assert.equal(setNonBlocking(pipe.readFd, false), 0);
  assert.equal(fcntl(pipe.readFd, 3, 0) & O_NONBLOCK, 0);
  assert.equal(setNonBlocking(pipe.readFd, true), 0);
  assert.notEqual(fcntl(pipe.readFd, 3, 0) & O_NONBLOCK, 0);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  assert.equal(setNonBlocking(pipe.readFd, true), -ERRNO.EBADF);
});

test('dup3 puts one descriptor in the place of another', { skip }, () => {
  const pipe = newPipe();
  const fd = eventfd(3, EFD_CLOEXEC | EFD_NONBLOCK);
  assert.equal(dup3(fd, pipe.readFd, O_CLOEXEC), pipe.readFd);
  closeFd(fd);
  assert.equal(eventfdRead(pipe.readFd), 3);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  assert.ok(!isOpenFd(pipe.readFd));
});

test('a file goes into a pipe by sendfile and splice, from any place in it', { skip }, async () => {
  const { open } = await import('node:fs/promises');
  const { fileURLToPath } = await import('node:url');
  const path = fileURLToPath(import.meta.url);
  const content = readFileSync(path);
  const file = await open(path);
  const pipe = newPipe();
  const memory = allocate(PAGE_BYTES);
  const expectPipe = (from: number) => {
    assert.equal(readFd(pipe.readFd, memory.address, 1000), 1000);
    assert.deepEqual(Buffer.from(memory.bytes.slice(0, 1000)), content.subarray(from, from + 1000));
  };
  assert.equal(sendfile(pipe.writeFd, file.fd, 100, 1000), 1000);
  expectPipe(100);
  assert.equal(splice(file.fd, 200, pipe.writeFd, 1000, SPLICE_F_MOVE), 1000);
  expectPipe(200);
  // Without a place, the file's own offset counts, which nothing so far has moved.
  assert.equal(splice(file.fd, undefined, pipe.writeFd, 1000, SPLICE_F_MOVE), 1000);
  expectPipe(0);
  assert.equal(preadFd(file.fd, memory.address, 10, 5), 10);
  assert.deepEqual(Buffer.from(memory.bytes.slice(0, 10)), content.subarray(5, 15));
  assert.equal(sendfile(pipe.writeFd, file.fd, 2 ** 40, 10), 0);
  await file.close();
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  memory.release();
});
