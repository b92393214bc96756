/**
 * The kernel's error numbers by C name, their meaning in a few words, and the SysError made of them.
 *
 * Numbers are those of asm-generic/errno.h, shared by x64 and arm64. System calls of this room answer
 * with a NEGATIVE errno, so hot code compares against `-ERRNO.EAGAIN`; only `sysError` allocates.
 */
import { SysError } from '../base/errors.ts';

/** asm-generic/errno-base.h and errno.h. EWOULDBLOCK and EDEADLOCK are other names of EAGAIN and EDEADLK. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENOMSG: 42,
  EIDRM: 43,
  ECHRNG: 44,
  EL2NSYNC: 45,
  EL3HLT: 46,
  EL3RST: 47,
  ELNRNG: 48,
  EUNATCH: 49,
  ENOCSI: 50,
  EL2HLT: 51,
  EBADE: 52,
  EBADR: 53,
  EXFULL: 54,
  ENOANO: 55,
  EBADRQC: 56,
  EBADSLT: 57,
  EBFONT: 59,
  ENOSTR: 60,
  ENODATA: 61,
  ETIME: 62,
  ENOSR: 63,
  ENONET: 64,
  ENOPKG: 65,
  EREMOTE: 66,
  ENOLINK: 67,
  EADV: 68,
  ESRMNT: 69,
  ECOMM: 70,
  EPROTO: 71,
  EMULTIHOP: 72,
  EDOTDOT: 73,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ENOTUNIQ: 76,
  EBADFD: 77,
  EREMCHG: 78,
  ELIBACC: 79,
  ELIBBAD: 80,
  ELIBSCN: 81,
  ELIBMAX: 82,
  ELIBEXEC: 83,
  EILSEQ: 84,
  ERESTART: 85,
  ESTRPIPE: 86,
  EUSERS: 87,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EPFNOSUPPORT: 96,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETOOMANYREFS: 109,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EUCLEAN: 117,
  ENOTNAM: 118,
  ENAVAIL: 119,
  EISNAM: 120,
  EREMOTEIO: 121,
  EDQUOT: 122,
  ENOMEDIUM: 123,
  EMEDIUMTYPE: 124,
  ECANCELED: 125,
  ENOKEY: 126,
  EKEYEXPIRED: 127,
  EKEYREVOKED: 128,
  EKEYREJECTED: 129,
  EOWNERDEAD: 130,
  ENOTRECOVERABLE: 131,
  ERFKILL: 132,
  EHWPOISON: 133,
} as const;

type ErrnoName = keyof typeof ERRNO;

/** In our words, for those a server can meet; the others are named without explanation. */
const MEANING: Partial<Record<ErrnoName, string>> = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  ESRCH: 'no such process',
  EINTR: 'interrupted by a signal',
  EIO: 'input/output error',
  ENXIO: 'no such device or address',
  E2BIG: 'argument list too long',
  EBADF: 'not an open file descriptor',
  ECHILD: 'no child process',
  EAGAIN: 'not ready, try again',
  ENOMEM: 'out of memory',
  EACCES: 'permission denied',
  EFAULT: 'bad address',
  EBUSY: 'resource is busy',
  EEXIST: 'already exists',
  EXDEV: 'not on the same file system',
  ENODEV: 'no such device',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EINVAL: 'invalid argument',
  ENFILE: 'the system has no file descriptors left',
  EMFILE: 'the process has no file descriptors left',
  ENOTTY: 'not supported by this kind of file',
  ETXTBSY: 'file is being executed',
  EFBIG: 'file too large',
  ENOSPC: 'no space left',
  ESPIPE: 'cannot seek',
  EROFS: 'read-only file system',
  EMLINK: 'too many links',
  EPIPE: 'the reading side is closed',
  ERANGE: 'result out of range',
  EDEADLK: 'would deadlock',
  ENAMETOOLONG: 'name too long',
  ENOSYS: 'the kernel does not have this call',
  ENOTEMPTY: 'directory not empty',
  ELOOP: 'too many symbolic links',
  ENODATA: 'no data available',
  ETIME: 'timer expired',
  EPROTO: 'protocol error',
  EBADMSG: 'malformed message',
  EOVERFLOW: 'value too large',
  EBADFD: 'descriptor in a bad state',
  EILSEQ: 'invalid byte sequence',
  EUSERS: 'too many users',
  ENOTSOCK: 'not a socket',
  EDESTADDRREQ: 'destination address required',
  EMSGSIZE: 'message too long',
  EPROTOTYPE: 'wrong protocol for this socket',
  ENOPROTOOPT: 'no such socket option',
  EPROTONOSUPPORT: 'protocol not supported',
  ESOCKTNOSUPPORT: 'socket type not supported',
  EOPNOTSUPP: 'operation not supported',
  EPFNOSUPPORT: 'protocol family not supported',
  EAFNOSUPPORT: 'address family not supported',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'address not available on this host',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  ENETRESET: 'connection dropped by the network',
  ECONNABORTED: 'connection aborted',
  ECONNRESET: 'connection reset by the peer',
  ENOBUFS: 'no buffers available',
  EISCONN: 'already connected',
  ENOTCONN: 'not connected',
  ESHUTDOWN: 'already shut down',
  ETOOMANYREFS: 'too many references',
  ETIMEDOUT: 'timed out',
  ECONNREFUSED: 'connection refused',
  EHOSTDOWN: 'host is down',
  EHOSTUNREACH: 'no route to host',
  EALREADY: 'already in progress',
  EINPROGRESS: 'in progress',
  ESTALE: 'stale file handle',
  EDQUOT: 'disk quota exceeded',
  ECANCELED: 'cancelled',
  EOWNERDEAD: 'owner died',
  ENOTRECOVERABLE: 'state not recoverable',
};

const NAMES: readonly (ErrnoName | undefined)[] = namesByNumber();

function namesByNumber(): (ErrnoName | undefined)[] {
  const names: (ErrnoName | undefined)[] = [];
  for (const [name, number] of Object.entries(ERRNO)) names[number] = name as ErrnoName;
  return names;
}

/** The C name of an errno, given positive or negative: `EADDRINUSE`; `errno 4095` where there is none. */
export function errnoName(errno: number): string {
  return NAMES[Math.abs(errno)] ?? `errno ${Math.abs(errno)}`;
}

/** A few words about an errno, given positive or negative; empty where there is nothing worth saying. */
export function errnoMeaning(errno: number): string {
  const name = NAMES[Math.abs(errno)];
  return name === undefined ? '' : (MEANING[name] ?? '');
}

/** What an errno usually means for one system call, and what can be done: `call.ERRNO`, or `*.ERRNO` for any call. */
const HINT: Record<string, string> = {
  'bind.EADDRINUSE': 'another process listens there, or did a moment ago without SO_REUSEADDR',
  'listen.EADDRINUSE': 'another process listens on that port',
  'bind.EACCES':
    'ports below net.ipv4.ip_unprivileged_port_start, usually 1024, need root or CAP_NET_BIND_SERVICE; a unix socket needs a writable folder',
  'bind.EADDRNOTAVAIL': 'no interface of this host has that address',
  'bind.ENOENT': 'the folder of the socket path does not exist',
  'bind.EINVAL': 'already bound, or the address is of another family',
  'socket.EAFNOSUPPORT': 'this host has no such protocol family; IPv6 may be switched off',
  'connect.EADDRNOTAVAIL':
    'no ephemeral port is left; see net.ipv4.ip_local_port_range and net.ipv4.tcp_tw_reuse',
  'connect.ECONNREFUSED': 'nothing listens there',
  'io_uring_setup.ENOSYS': 'the kernel is older than 5.1, or a seccomp profile hides io_uring',
  'io_uring_setup.EPERM':
    'forbidden by a seccomp profile, as containers have by default, or by kernel.io_uring_disabled',
  'io_uring_setup.EACCES': 'forbidden by a security module',
  'io_uring_setup.EINVAL': 'the kernel does not know one of the setup flags',
  'io_uring_setup.ENOMEM':
    'without CAP_IPC_LOCK rings count against RLIMIT_MEMLOCK, before kernel 5.12 and from 6.14 on; raise ulimit -l',
  'io_uring_register.ENOMEM':
    'buffers and their rings count against RLIMIT_MEMLOCK without CAP_IPC_LOCK; raise ulimit -l',
  'io_uring_register.EINVAL': 'the kernel does not know this registration',
  'io_setup.EAGAIN': 'fs.aio-max-nr is reached; raise it with sysctl',
  'io_setup.ENOSYS': 'the kernel was built without AIO, or a seccomp profile hides it',
  'mmap.ENOMEM': 'out of memory or address space, or vm.max_map_count is reached',
  'mmap.EAGAIN': 'RLIMIT_MEMLOCK is reached; raise ulimit -l',
  'setrlimit.EPERM': 'only a privileged process may raise a hard limit',
  '*.EMFILE': 'raise ulimit -n',
  '*.ENFILE': 'raise fs.file-max with sysctl',
};

/**
 * A SysError that says which call failed, on what, and what that usually means.
 * @param errno positive or negative
 * @param detail what the call was about: `127.0.0.1:8080`; may be empty
 */
export function sysError(syscall: string, errno: number, detail = ''): SysError {
  const name = errnoName(errno);
  const hint = HINT[`${syscall}.${name}`] ?? HINT[`*.${name}`] ?? errnoMeaning(errno);
  return new SysError(syscall, Math.abs(errno), name, detail, hint === '' ? undefined : hint);
}

/**
 * The result of a call that must not fail, or its error thrown. For set-up code; hot code looks at
 * the number itself.
 * @throws SysError when `result` is negative
 */
export function check(result: number, syscall: string, detail = ''): number {
  if (result < 0) throw sysError(syscall, result, detail);
  return result;
}
