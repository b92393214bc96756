import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQES,
  io_cqring_offsets,
  io_sqring_offsets,
  io_uring_cqe,
  io_uring_params,
  io_uring_sqe,
} from './abi/io-uring.ts';
import { IORING_OP_NOP, IORING_REGISTER_EVENTFD } from './abi/io-uring-ops.ts';
import { ERRNO, errnoName } from './errno.ts';
import { allocate, mapFile, PAGE_BYTES } from './memory.ts';
import { closeFd } from './socket.ts';
import { ioUringEnter, ioUringRegister, ioUringSetup } from './uring.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'Linux only';
  const page = allocate(PAGE_BYTES);
  const fd = ioUringSetup(1, page);
  page.release();
  if (fd < 0) return `no io_uring here: ${errnoName(fd)}`;
  closeFd(fd);
  return false;
}

test('an operation goes in through the mapped ring and its completion comes out', { skip }, () => {
  const page = allocate(PAGE_BYTES);
  const params = new Uint32Array(page.buffer);
  const fd = ioUringSetup(4, page);
  const entries = params[io_uring_params.offset.sq_entries / 4]!;
  assert.equal(entries, 4);
  const sq = (field: keyof typeof io_sqring_offsets.offset) =>
    params[(io_uring_params.offset.sq_off + io_sqring_offsets.offset[field]) / 4]!;
  const cq = (field: keyof typeof io_cqring_offsets.offset) =>
    params[(io_uring_params.offset.cq_off + io_cqring_offsets.offset[field]) / 4]!;
  const cqEntries = params[io_uring_params.offset.cq_entries / 4]!;
  const ring = mapFile(
    fd,
    Math.max(sq('array') + entries * 4, cq('cqes') + cqEntries * io_uring_cqe.size),
    0,
  );
  const sqes = mapFile(fd, entries * io_uring_sqe.size, IORING_OFF_SQES);
  const words = new Uint32Array(ring.buffer, 0, ring.byteLength >> 2);

  const sqe = new DataView(sqes.buffer);
  sqe.setUint8(io_uring_sqe.offset.opcode, IORING_OP_NOP);
  sqe.setUint32(io_uring_sqe.offset.user_data, 0xcafe, true);
  words[sq('array') / 4] = 0;
  Atomics.store(words, sq('tail') / 4, 1);
  assert.equal(ioUringEnter(fd, 1, 1, IORING_ENTER_GETEVENTS), 1);
  assert.equal(Atomics.load(words, cq('tail') / 4), 1);
  const cqe = new DataView(ring.buffer, cq('cqes'));
  assert.equal(cqe.getUint32(io_uring_cqe.offset.user_data, true), 0xcafe);
  assert.equal(cqe.getInt32(io_uring_cqe.offset.res, true), 0);
  closeFd(fd);
  for (const memory of [ring, sqes, page]) memory.release();
});

test('what the kernel refuses comes back as a negative errno', { skip }, () => {
  const page = allocate(PAGE_BYTES);
  assert.equal(ioUringSetup(0, page), -ERRNO.EINVAL);
  assert.equal(ioUringEnter(-1, 0, 0, 0), -ERRNO.EBADF);
  // EBADF, or EINVAL since 6.13, where -1 stands for registrations that need no ring.
  assert.ok(ioUringRegister(-1, IORING_REGISTER_EVENTFD, page.address, 1) < 0);
  page.release();
});
