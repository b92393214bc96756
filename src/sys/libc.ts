/**
 * Every function of libc that Holdfast calls, and the C signature of each: one table that both FFI back
 * ends are built from. All arguments and results are JavaScript numbers.
 *
 * The types are chosen for speed (measured on Node 20 and 26): 32-bit integers are the cheapest arguments
 * in both libraries, so byte counts and results that the kernel caps below 2 GiB (MAX_RW_COUNT) travel
 * as 32 bits even where C says size_t. Registers are zero- or sign-extended by both libraries.
 */

/**
 * `address` is a pointer held as a number: user space ends below 2^47, numbers are exact to 2^53. `long` may be negative.
 */
export type CType = 'int' | 'uint' | 'long' | 'size' | 'address';

export interface Signature {
  /** The symbol in libc. Several entries may share `syscall`. */
  readonly symbol: string;
  readonly result: 'int' | 'address';
  readonly parameters: readonly CType[];
}

/** Results: 0 or more, or -1 with the thread's errno set. The typed functions of this room turn that into a negative errno. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, lengthAddress: number, flags: number): number;
  connect(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, lengthAddress: number): number;
  getsockname(fd: number, address: number, lengthAddress: number): number;
  getpeername(fd: number, address: number, lengthAddress: number): number;
  shutdown(fd: number, how: number): number;
  recv(fd: number, address: number, length: number, flags: number): number;
  send(fd: number, address: number, length: number, flags: number): number;
  sendmsg(fd: number, message: number, flags: number): number;
  sendfile(toFd: number, fromFd: number, offsetAddress: number, length: number): number;
  splice(
    fromFd: number,
    fromOffset: number,
    toFd: number,
    toOffset: number,
    length: number,
    flags: number,
  ): number;
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  pread(fd: number, address: number, length: number, offset: number): number;
  preadv2(
    number: number,
    fd: number,
    iovecs: number,
    count: number,
    offset: number,
    offsetHigh: number,
    flags: number,
  ): number;
  fstatfs(fd: number, address: number): number;
  /** Answers 0 or the error number itself: errno stays as it was. */
  posix_fadvise(fd: number, offset: number, length: number, advice: number): number;
  openat2(number: number, folderFd: number, path: number, how: number, size: number): number;
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  dup3(from: number, to: number, flags: number): number;
  pipe2(address: number, flags: number): number;
  eventfd(initial: number, flags: number): number;
  timerfd_create(clock: number, flags: number): number;
  timerfd_settime(fd: number, flags: number, value: number, old: number): number;
  clock_gettime(clock: number, address: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(ep: number, op: number, fd: number, event: number): number;
  epoll_wait(ep: number, events: number, eventCountMax: number, timeoutMs: number): number;
  inotify_init1(flags: number): number;
  inotify_add_watch(fd: number, path: number, mask: number): number;
  getrlimit(resource: number, address: number): number;
  setrlimit(resource: number, address: number): number;
  mmap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): number;
  munmap(address: number, length: number): number;
  madvise(address: number, length: number, advice: number): number;
  getppid(): number;
  getpagesize(): number;
  io_uring_setup(number: number, entries: number, params: number): number;
  io_uring_enter(
    number: number,
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    signals: number,
  ): number;
  io_uring_register(number: number, fd: number, opcode: number, address: number, count: number): number;
  io_setup(number: number, eventCountMax: number, contextAddress: number): number;
  io_destroy(number: number, context: number): number;
  io_submit(number: number, context: number, count: number, iocbs: number): number;
  io_getevents(
    number: number,
    context: number,
    countMin: number,
    countMax: number,
    events: number,
    timeout: number,
  ): number;
}

function call(symbol: string, ...parameters: CType[]): Signature {
  return { symbol, result: 'int', parameters };
}

export const SIGNATURES: Readonly<Record<keyof Libc, Signature>> = {
  socket: call('socket', 'int', 'int', 'int'),
  bind: call('bind', 'int', 'address', 'uint'),
  listen: call('listen', 'int', 'int'),
  accept4: call('accept4', 'int', 'address', 'address', 'int'),
  connect: call('connect', 'int', 'address', 'uint'),
  setsockopt: call('setsockopt', 'int', 'int', 'int', 'address', 'uint'),
  getsockopt: call('getsockopt', 'int', 'int', 'int', 'address', 'address'),
  getsockname: call('getsockname', 'int', 'address', 'address'),
  getpeername: call('getpeername', 'int', 'address', 'address'),
  shutdown: call('shutdown', 'int', 'int'),
  recv: call('recv', 'int', 'address', 'uint', 'int'),
  send: call('send', 'int', 'address', 'uint', 'int'),
  sendmsg: call('sendmsg', 'int', 'address', 'int'),
  sendfile: call('sendfile', 'int', 'int', 'address', 'uint'),
  splice: call('splice', 'int', 'address', 'int', 'address', 'uint', 'uint'),
  read: call('read', 'int', 'address', 'uint'),
  write: call('write', 'int', 'address', 'uint'),
  pread: call('pread', 'int', 'address', 'uint', 'size'),
  // Where a register holds the whole offset, its other half is not read (pos_from_hilo in fs/read_write.c).
  preadv2: call('syscall', 'int', 'int', 'address', 'uint', 'size', 'uint', 'uint'),
  fstatfs: call('fstatfs', 'int', 'address'),
  posix_fadvise: call('posix_fadvise', 'int', 'size', 'size', 'int'),
  openat2: call('syscall', 'int', 'int', 'address', 'address', 'uint'),
  close: call('close', 'int'),
  fcntl: call('fcntl', 'int', 'int', 'int'),
  dup3: call('dup3', 'int', 'int', 'int'),
  pipe2: call('pipe2', 'address', 'int'),
  eventfd: call('eventfd', 'uint', 'int'),
  timerfd_create: call('timerfd_create', 'int', 'int'),
  timerfd_settime: call('timerfd_settime', 'int', 'int', 'address', 'address'),
  clock_gettime: call('clock_gettime', 'int', 'address'),
  epoll_create1: call('epoll_create1', 'int'),
  epoll_ctl: call('epoll_ctl', 'int', 'int', 'int', 'address'),
  epoll_wait: call('epoll_wait', 'int', 'address', 'int', 'int'),
  inotify_init1: call('inotify_init1', 'int'),
  inotify_add_watch: call('inotify_add_watch', 'int', 'address', 'uint'),
  getrlimit: call('getrlimit', 'int', 'address'),
  setrlimit: call('setrlimit', 'int', 'address'),
  mmap: {
    symbol: 'mmap',
    result: 'address',
    parameters: ['address', 'size', 'int', 'int', 'int', 'size'],
  },
  munmap: call('munmap', 'address', 'size'),
  madvise: call('madvise', 'address', 'size', 'int'),
  getppid: call('getppid'),
  getpagesize: call('getpagesize'),
  io_uring_setup: call('syscall', 'int', 'uint', 'address'),
  // The sixth argument of the system call, the size of the signal mask, is not read when the mask is null.
  io_uring_enter: call('syscall', 'int', 'int', 'uint', 'uint', 'uint', 'address'),
  io_uring_register: call('syscall', 'int', 'int', 'uint', 'address', 'uint'),
  io_setup: call('syscall', 'int', 'uint', 'address'),
  io_destroy: call('syscall', 'int', 'address'),
  io_submit: call('syscall', 'int', 'address', 'uint', 'address'),
  io_getevents: call('syscall', 'int', 'address', 'uint', 'uint', 'address', 'address'),
};
