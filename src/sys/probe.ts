/**
 * Tries what this host allows: FFI, io_uring and each of its features that the engine uses, epoll woken
 * through AIO. Every answer is yes or no with a reason for people. Nothing is left behind: every
 * descriptor and mapping made here is gone on return. Never throws; elsewhere than on Linux all is no.
 *
 * Features are tried, or asked for with IORING_REGISTER_PROBE. Never are they concluded from the release:
 * kernels of distributions carry features back and sandboxes leave features out.
 */

import type { SysError } from '../base/errors.ts';
import { IOCB_CMD_POLL, IOCB_FLAG_RESFD, io_event, iocb } from './abi/aio.ts';
import { EPOLL_CTL_ADD, EPOLLIN, POLLIN } from './abi/epoll.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK } from './abi/file.ts';
import {
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  io_uring_buf,
  io_uring_buf_reg,
  io_uring_params,
} from './abi/io-uring.ts';
import { IORING_REGISTER_EVENTFD, IORING_REGISTER_PBUF_RING } from './abi/io-uring-ops.ts';
import { ioDestroy, ioGetevents, ioSetup, ioSubmit } from './aio.ts';
import { epollCreate1, epollCtl } from './epoll.ts';
import { ERRNO, sysError } from './errno.ts';
import { eventfd, eventfdRead } from './event.ts';
import { loadFfi } from './ffi.ts';
import type { Ffi } from './ffi-library.ts';
import { type ReadText, readHostSettings, readText } from './host.ts';
import { allocate, type Memory, PAGE_BYTES, storeAddress } from './memory.ts';
import { closeFd } from './socket.ts';
import {
  hasMultishotAccept,
  hasMultishotReceive,
  ioUringRegister,
  ioUringSetup,
  ringOperations,
} from './uring.ts';

/** An answer and its reason, whether yes or no: a sentence without a full stop. */
export interface Finding {
  readonly available: boolean;
  readonly reason: string;
  /** The error of the call that failed for want of memory or descriptors. */
  readonly exhausted?: SysError | undefined;
}

interface FfiFinding extends Finding {
  readonly name: Ffi['name'] | undefined;
}

interface IoUringFinding extends Finding {
  /** `io_uring_params.features`. */
  readonly features: number;
  /** IORING_OP numbers that the kernel has. */
  readonly operations: ReadonlySet<number>;
  /** IORING_SETUP_SINGLE_ISSUER: 6.0. */
  readonly singleIssuer: boolean;
  /** IORING_SETUP_DEFER_TASKRUN: 6.1. */
  readonly deferTaskrun: boolean;
  /** IORING_SETUP_SUBMIT_ALL: 5.18. */
  readonly submitAll: boolean;
  /** Provided-buffer rings: 5.19. */
  readonly bufferRings: boolean;
  /** 5.19 */
  readonly multishotAccept: boolean;
  /** 6.0 */
  readonly multishotReceive: boolean;
  /** Completions can signal an eventfd. */
  readonly eventfd: boolean;
}

const NO_IO_URING: Omit<IoUringFinding, 'reason'> = {
  available: false,
  features: 0,
  operations: new Set(),
  singleIssuer: false,
  deferTaskrun: false,
  submitAll: false,
  bufferRings: false,
  multishotAccept: false,
  multishotReceive: false,
  eventfd: false,
};

/** Which library calls the kernel. */
export function probeFfi(): FfiFinding {
  try {
    const { name } = loadFfi();
    const reason =
      name === 'koffi'
        ? "koffi's native module"
        : 'part of this Node.js; experimental there, hence its warning';
    return { available: true, name, reason };
  } catch (error) {
    return {
      available: false,
      name: undefined,
      reason: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Whether the iouring engine can run: a ring, buffer rings, multishot accept, an eventfd. */
export function probeIoUring(read: ReadText = readText): IoUringFinding {
  const ffi = probeFfi();
  if (!ffi.available) return { ...NO_IO_URING, reason: ffi.reason };
  const page = allocate(PAGE_BYTES);
  try {
    return tryRing(page, read);
  } finally {
    page.release();
  }
}

/** Flags from the best to the plainest; the kernel refuses those that it does not know with EINVAL. */
const SETUP_ATTEMPTS = [
  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  0,
];

const PROBE_ENTRIES = 8;

function tryRing(page: Memory, read: ReadText): IoUringFinding {
  const u32 = new Uint32Array(page.buffer);
  let fd = -ERRNO.EINVAL;
  let flags = 0;
  for (const attempt of SETUP_ATTEMPTS) {
    u32.fill(0);
    u32[io_uring_params.offset.flags / 4] = attempt;
    fd = ioUringSetup(PROBE_ENTRIES, page);
    flags = attempt;
    if (fd !== -ERRNO.EINVAL) break;
  }
  if (fd < 0) return { ...NO_IO_URING, ...refusal('io_uring_setup', fd), reason: whyNoRing(fd, read) };
  const features = u32[io_uring_params.offset.features / 4]!;
  try {
    const operations = ringOperations(fd);
    const bufferRing = tryBufferRing(fd, page);
    const eventfd = tryEventfd(fd, page);
    const exhausted = bufferRing.exhausted ?? eventfd.exhausted;
    if (exhausted !== undefined) return { ...NO_IO_URING, reason: exhausted.message, exhausted };
    return judge(features, flags, operations, bufferRing.available, eventfd.available);
  } finally {
    closeFd(fd);
  }
}

function judge(
  features: number,
  flags: number,
  operations: ReadonlySet<number>,
  bufferRings: boolean,
  hasEventfd: boolean,
): IoUringFinding {
  const found = {
    features,
    operations,
    singleIssuer: (flags & IORING_SETUP_SINGLE_ISSUER) !== 0,
    deferTaskrun: (flags & IORING_SETUP_DEFER_TASKRUN) !== 0,
    submitAll: (flags & IORING_SETUP_SUBMIT_ALL) !== 0,
    bufferRings,
    multishotAccept: hasMultishotAccept(operations),
    multishotReceive: hasMultishotReceive(operations),
    eventfd: hasEventfd,
  };
  const needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP;
  const lacks: string[] = [];
  if ((features & needed) !== needed) lacks.push('features of 5.11');
  if (!found.multishotAccept) lacks.push('multishot accept (5.19)');
  if (!found.bufferRings) lacks.push('provided-buffer rings (5.19)');
  if (!found.eventfd) lacks.push('eventfd registration');
  if (lacks.length > 0) return { ...found, available: false, reason: `the kernel lacks ${lacks.join(', ')}` };
  const extras = [
    found.multishotReceive ? 'multishot receive' : 'no multishot receive (6.0)',
    found.deferTaskrun ? 'deferred task work' : 'no deferred task work (6.1)',
  ];
  return { ...found, available: true, reason: `the kernel has all that is needed; ${extras.join(', ')}` };
}

function refusal(syscall: string, errno: number): Finding {
  const error = sysError(syscall, errno);
  return {
    available: false,
    reason: error.message,
    exhausted: error.isExhaustion ? error : undefined,
  };
}

/** What the errno alone does not tell, the sysctl may. */
function whyNoRing(errno: number, read: ReadText): string {
  const disabled = readHostSettings(read).ioUringDisabled;
  if (errno === -ERRNO.EPERM && disabled === 2) return 'kernel.io_uring_disabled=2 forbids it to everybody';
  if (errno === -ERRNO.EPERM && disabled === 1) {
    return 'kernel.io_uring_disabled=1 allows it to privileged processes and to kernel.io_uring_group only';
  }
  if (errno === -ERRNO.EPERM)
    return 'a seccomp profile forbids it (EPERM), as container runtimes do by default';
  return sysError('io_uring_setup', errno).message;
}

const TAKEN: Finding = { available: true, reason: 'the kernel took it' };

/** Registers the smallest ring of buffers, in the second half of the page; closing the ring takes it back. */
function tryBufferRing(ring: number, page: Memory): Finding {
  page.bytes.fill(0);
  const buffers = allocate(io_uring_buf.size * PROBE_ENTRIES);
  const view = new DataView(page.buffer);
  storeAddress(new Uint32Array(page.buffer), io_uring_buf_reg.offset.ring_addr / 4, buffers.address);
  view.setUint32(io_uring_buf_reg.offset.ring_entries, PROBE_ENTRIES, true);
  const registered = ioUringRegister(ring, IORING_REGISTER_PBUF_RING, page.address, 1);
  // The kernel holds the pages themselves, so unmapping them before the ring is closed harms nothing.
  buffers.release();
  return registered < 0 ? refusal('io_uring_register', registered) : TAKEN;
}

function tryEventfd(ring: number, page: Memory): Finding {
  const fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return refusal('eventfd', fd);
  new Int32Array(page.buffer)[0] = fd;
  const registered = ioUringRegister(ring, IORING_REGISTER_EVENTFD, page.address, 1);
  closeFd(fd);
  return registered < 0 ? refusal('io_uring_register', registered) : TAKEN;
}

/**
 * Whether the epoll engine can run: an AIO poll on an epoll descriptor must signal an eventfd.
 * Takes about 30 ms, nearly all of it `ioDestroy`: to start fast, make the engine rather than ask first.
 */
export function probeEpollAio(): Finding {
  const ffi = probeFfi();
  if (!ffi.available) return { available: false, reason: ffi.reason };
  const context = ioSetup(1);
  if (context === -ERRNO.EAGAIN) {
    const limit = 'all that the host allows are in use; raise fs.aio-max-nr (sysctl)';
    return {
      ...refusal('io_setup', context),
      reason: `no AIO context can be had (io_setup: EAGAIN), ${limit}`,
    };
  }
  if (context < 0) return refusal('io_setup', context);
  const page = allocate(PAGE_BYTES);
  const ep = epollCreate1();
  // Readable from the start, so the poll completes at once.
  const ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  const signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  try {
    if (ep < 0) return refusal('epoll_create1', ep);
    for (const fd of [ready, signal]) if (fd < 0) return refusal('eventfd', fd);
    return tryAioPoll(context, page, ep, ready, signal);
  } finally {
    ioDestroy(context);
    for (const fd of [ep, ready, signal]) if (fd >= 0) closeFd(fd);
    page.release();
  }
}

const IOCB_OFFSET = 64;
const EVENT_OFFSET = 256;

function tryAioPoll(context: number, page: Memory, ep: number, ready: number, signal: number): Finding {
  const added = epollCtl(ep, EPOLL_CTL_ADD, ready, EPOLLIN, 0);
  if (added < 0) return refusal('epoll_ctl', added);
  const view = new DataView(page.buffer);
  storeAddress(new Uint32Array(page.buffer), 0, page.address + IOCB_OFFSET);
  view.setUint16(IOCB_OFFSET + iocb.offset.aio_lio_opcode, IOCB_CMD_POLL, true);
  view.setUint32(IOCB_OFFSET + iocb.offset.aio_fildes, ep, true);
  view.setUint32(IOCB_OFFSET + iocb.offset.aio_buf, POLLIN, true);
  view.setUint32(IOCB_OFFSET + iocb.offset.aio_flags, IOCB_FLAG_RESFD, true);
  view.setUint32(IOCB_OFFSET + iocb.offset.aio_resfd, signal, true);
  const submitted = ioSubmit(context, 1, page.address);
  if (submitted < 0) {
    const refused = refusal('io_submit', submitted);
    return submitted === -ERRNO.EINVAL
      ? { ...refused, reason: 'the kernel has no AIO poll (4.18)' }
      : refused;
  }
  const completed = ioGetevents(context, 0, 1, page.address + EVENT_OFFSET, 0);
  const revents = view.getUint32(EVENT_OFFSET + io_event.offset.res, true);
  if (completed !== 1 || (revents & POLLIN) === 0 || eventfdRead(signal) !== 1) {
    return { available: false, reason: 'an AIO poll on epoll was taken but did not signal' };
  }
  return { available: true, reason: 'an AIO poll on epoll signals an eventfd' };
}
