/**
 * What a service manager of systemd's kind hands to a process and wants to hear from it: listening sockets (LISTEN_FDS, sd_listen_fds(3))
 * and its state (NOTIFY_SOCKET, sd_notify(3)), by datagrams to a unix socket, which Node does not have and libc does.
 */
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM } from '../sys/abi/socket.ts';
import { errnoName } from '../sys/errno.ts';
import { allocate } from '../sys/memory.ts';
import { probeFfi } from '../sys/probe.ts';
import { closeFd, connectAddress, send, socket } from '../sys/socket.ts';
import { UsageError } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The first that is handed over (SD_LISTEN_FDS_START). */
const FIRST_FD = 3;
/** Far beyond what anybody hands over. */
const FDS_MAX = 1024;

/**
 * @param name of the socket, as its unit's `FileDescriptorName=`; the first without one
 * @returns the listening socket that was handed over; undefined where none was, to this process
 * @throws UsageError for a name that is not among them
 */
export function inheritedSocket(
  environment: Environment,
  pid: number,
  name: string | undefined,
): number | undefined {
  const { LISTEN_FDS = '', LISTEN_PID, LISTEN_FDNAMES = '' } = environment;
  // Children inherit the variables and not the meaning.
  if (LISTEN_PID !== `${pid}` || !/^[1-9]\d{0,3}$/.test(LISTEN_FDS)) return undefined;
  const count = Number(LISTEN_FDS);
  if (count > FDS_MAX) return undefined;
  if (name === undefined) return FIRST_FD;
  const names = LISTEN_FDNAMES.split(':').slice(0, count);
  const at = names.indexOf(name);
  if (at === -1)
    throw new UsageError(
      `--listen: no socket named ${JSON.stringify(name)} was handed over (LISTEN_FDNAMES: ${names.join(', ')})`,
    );
  return FIRST_FD + at;
}

/** Tells the service manager, where there is one that wants to hear. */
export class ServiceNotifier {
  readonly #path: string | undefined;
  readonly #watchdogMs: number | undefined;
  readonly #onError: (text: string) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #hasFailed = false;

  /** @param onError told once, when it cannot be reached */
  constructor(environment: Environment, pid: number, onError: (text: string) => void) {
    const { NOTIFY_SOCKET: path = '', WATCHDOG_USEC = '', WATCHDOG_PID } = environment;
    // Other kinds of addresses (vsock) are for virtual machines.
    this.#path = path.startsWith('/') || path.startsWith('@') ? path : undefined;
    const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === `${pid}`;
    this.#watchdogMs =
      isOurs && /^[1-9]\d{0,15}$/.test(WATCHDOG_USEC) ? Number(WATCHDOG_USEC) / 1000 : undefined;
    this.#onError = onError;
  }

  /** It serves. From now on the watchdog hears from this thread, as long as its event loop turns. */
  ready(): void {
    this.#tell('READY=1');
    if (this.#path === undefined || this.#watchdogMs === undefined || this.#timer !== undefined) return;
    // Half of it, as sd_watchdog_enabled(3) recommends.
    this.#timer = setInterval(() => this.#tell('WATCHDOG=1'), Math.max(1, this.#watchdogMs / 2));
    this.#timer.unref();
  }

  /** `ready` follows. */
  reloading(): void {
    // CLOCK_MONOTONIC, which `hrtime` reads.
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#tell('STOPPING=1');
  }

  #tell(text: string): void {
    if (this.#path === undefined || this.#hasFailed) return;
    const { available, reason } = probeFfi();
    const failure = available ? this.#send(this.#path, Buffer.from(text)) : reason;
    if (failure === undefined) return;
    this.#onError(`NOTIFY_SOCKET ${this.#path}: the service manager cannot be told (${failure})`);
    this.#hasFailed = true;
    clearInterval(this.#timer);
  }

  /** @returns why it failed */
  #send(path: string, bytes: Uint8Array): string | undefined {
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errnoName(-fd);
    try {
      // An abstract address is written with @ for its NUL (unix(7)).
      const address = path.startsWith('@') ? `\0${path.slice(1)}` : path;
      const connected = connectAddress(fd, { family: 'unix', address, port: 0 });
      if (connected < 0) return errnoName(-connected);
      const memory = allocate(bytes.length);
      memory.bytes.set(bytes);
      const sent = send(fd, memory.address, bytes.length, MSG_NOSIGNAL);
      memory.release();
      return sent < 0 ? errnoName(-sent) : undefined;
    } finally {
      closeFd(fd);
    }
  }
}
