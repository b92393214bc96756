/**
 * Judges the limits of a host: what each number means for a server and what to do when it is low.
 * Numbers come in; where they are read is not known here.
 */
import type { HostSettings } from '../sys/host.ts';
import type { Advice, LimitFact } from './doctor-report.ts';

/** What the judgement needs of what the host tells; `undefined` where it does not. */
type HostNumbers = Pick<
  HostSettings,
  | 'descriptorsSoft'
  | 'descriptorsHard'
  | 'memlockBytes'
  | 'locksWithoutLimit'
  | 'somaxconn'
  | 'portFirst'
  | 'portLast'
  | 'timeWaitReuse'
> & {
  /** This kernel counts rings as locked memory. */
  readonly countsRings: boolean;
  /** Workers that a server here would have. */
  readonly workers: number;
};

/** Below this many connections at once, a server on the open network is easily full. */
const DESCRIPTORS_COMFORTABLE = 65_536;

/** What the engines ask of `listen`. */
const BACKLOG_WANTED = 4096;

/** What the ring of a worker locks: its entries and those of its buffers. */
const RING_BYTES = 160 * 1024;

/** Linux holds a closed connection's ports for 60 s (TCP_TIMEWAIT_LEN, include/net/tcp.h). */
const TIME_WAIT_SECONDS = 60;

export function judgeLimits(numbers: HostNumbers): { limits: LimitFact[]; advice: Advice[] } {
  const limits: LimitFact[] = [];
  const advice: Advice[] = [];
  judgeDescriptors(numbers, limits, advice);
  judgeBacklog(numbers, limits, advice);
  judgePorts(numbers, limits, advice);
  judgeLockedMemory(numbers, limits, advice);
  return { limits, advice };
}

/**
 * Rings count as locked memory of their user before 5.12 and from 6.14 on.
 * @param kernel as `6.14.6-generic`
 */
export function ringsAreCounted(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const version = major * 1000 + minor;
  return version < 5012 || version >= 6014;
}

/** One user's processes share it, and a reload has the old rings and the new ones for a moment. */
function judgeLockedMemory(numbers: HostNumbers, limits: LimitFact[], advice: Advice[]): void {
  const { memlockBytes, workers } = numbers;
  if (memlockBytes === undefined) return;
  const isCounted = numbers.countsRings && numbers.locksWithoutLimit !== true;
  const rings = Math.floor(memlockBytes / RING_BYTES);
  const isLow = isCounted && rings < 2 * workers;
  limits.push({
    name: 'memlock',
    label: 'Locked memory',
    value:
      memlockBytes === Number.POSITIVE_INFINITY
        ? 'unlimited'
        : `${grouped(Math.round(memlockBytes / 1024))} KiB`,
    meaning: isCounted
      ? `enough for ${limitText(rings)} io_uring workers of all processes of this user; the next one takes epoll`
      : 'io_uring does not count its rings against it, on this kernel and for this user',
    verdict: isLow ? 'low' : 'fine',
  });
  if (isLow) {
    advice.push({
      problem: `Locked memory is enough for ${grouped(rings)} rings; ${grouped(workers)} workers and a reload want ${grouped(2 * workers)}.`,
      change:
        'ulimit -l unlimited, LimitMEMLOCK=infinity in the systemd unit, or --ulimit memlock=-1 for the container',
    });
  }
}

function judgeDescriptors(numbers: HostNumbers, limits: LimitFact[], advice: Advice[]): void {
  const { descriptorsSoft: soft, descriptorsHard: hard } = numbers;
  if (soft === undefined || hard === undefined) return;
  const isLow = hard < DESCRIPTORS_COMFORTABLE;
  limits.push({
    name: 'descriptors',
    label: 'Descriptors',
    value: `${limitText(soft)} soft, ${limitText(hard)} hard`,
    meaning: `about ${limitText(Math.max(0, hard - 100))} connections at once in one process; Node.js raises soft to hard by itself`,
    verdict: hard < 4096 ? 'bad' : isLow ? 'low' : 'fine',
  });
  if (isLow) {
    advice.push({
      problem: `At most ${limitText(hard)} descriptors: a connection more, and accepting pauses until one is free.`,
      change:
        'ulimit -Hn 1048576, LimitNOFILE=1048576 in the systemd unit, or --ulimit nofile=1048576 for the container',
    });
  }
}

function judgeBacklog(numbers: HostNumbers, limits: LimitFact[], advice: Advice[]): void {
  const { somaxconn } = numbers;
  if (somaxconn === undefined) return;
  const isLow = somaxconn < BACKLOG_WANTED;
  limits.push({
    name: 'somaxconn',
    label: 'Accept queue',
    value: grouped(somaxconn),
    meaning:
      'connections that may wait to be accepted (net.core.somaxconn); beyond, clients retry after a second',
    verdict: isLow ? 'low' : 'fine',
  });
  if (isLow) {
    advice.push({
      problem: `The accept queue ends at ${grouped(somaxconn)}; Holdfast asks for ${grouped(BACKLOG_WANTED)}.`,
      change: `sysctl -w net.core.somaxconn=${BACKLOG_WANTED}`,
    });
  }
}

/**
 * A client that closes first holds its port for a minute, so a host can open only so many new
 * connections a second to one address: what ends most load tests, and what proxies run into.
 */
function judgePorts(numbers: HostNumbers, limits: LimitFact[], advice: Advice[]): void {
  const { portFirst, portLast, timeWaitReuse } = numbers;
  if (portFirst === undefined || portLast === undefined) return;
  const count = Math.max(0, portLast - portFirst + 1);
  const perSecond = Math.floor(count / TIME_WAIT_SECONDS);
  const reused = timeWaitReuse === 1 ? 'with' : timeWaitReuse === 2 ? 'on loopback, with' : undefined;
  const reuse =
    reused === undefined ? '' : `; about ${grouped(count)} ${reused} tcp_tw_reuse=${timeWaitReuse}`;
  const isLow = timeWaitReuse !== 1 && count < 20_000;
  limits.push({
    name: 'ports',
    label: 'Ephemeral ports',
    value: `${portFirst} to ${portLast}, ${grouped(count)} of them`,
    meaning: `${grouped(perSecond)} new outgoing connections a second to one address, as each port waits ${TIME_WAIT_SECONDS} s in TIME_WAIT${reuse}`,
    verdict: isLow ? 'low' : 'fine',
  });
  if (isLow) {
    advice.push({
      problem: `Only ${grouped(count)} ephemeral ports: a proxy or load generator here soon has none left.`,
      change: "sysctl -w net.ipv4.ip_local_port_range='10240 65535' net.ipv4.tcp_tw_reuse=1",
    });
  }
}

function limitText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? 'unlimited' : grouped(value);
}

/** Thousands apart, whatever the locale. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
