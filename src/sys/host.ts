/**
 * What this host tells about itself in files: limits, network settings, control groups, container. Pure
 * reading of /proc and /sys, no system call through FFI; on other systems everything is `undefined`.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';

/** Reads a file as text; undefined when that is not possible. Tests give their own. */
export type ReadText = (path: string) => string | undefined;

export interface HostSettings {
  /** Descriptors this process may have open; `Infinity` when unlimited. */
  readonly descriptorsSoft: number | undefined;
  readonly descriptorsHard: number | undefined;
  /** Bytes this process may pin. */
  readonly memlockBytes: number | undefined;
  /** CAP_IPC_LOCK, and not that of a user namespace only: that limit does not hold for this process. */
  readonly locksWithoutLimit: boolean | undefined;
  /** net.core.somaxconn: cap of every accept queue. */
  readonly somaxconn: number | undefined;
  /** net.ipv4.ip_local_port_range, both inclusive. */
  readonly portFirst: number | undefined;
  readonly portLast: number | undefined;
  /** net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 for loopback. */
  readonly timeWaitReuse: number | undefined;
  /** net.ipv4.ip_unprivileged_port_start: ports below need privilege. */
  readonly unprivilegedPortFirst: number | undefined;
  /** kernel.io_uring_disabled: 0 allowed, 1 to the privileged and to kernel.io_uring_group, 2 to nobody. */
  readonly ioUringDisabled: number | undefined;
  /** AIO requests left in the whole system: fs.aio-max-nr less fs.aio-nr. */
  readonly aioFree: number | undefined;
}

interface HostCores {
  /** Cores that this process may run on (affinity and, in newer libuv, quota considered). */
  readonly cores: number;
  /** The control group's share in cores, fractional; undefined when it is not limited. */
  readonly quotaCores: number | undefined;
  /** The control group's memory limit; undefined when it is not limited. */
  readonly memoryBytes: number | undefined;
}

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, not mounted, or not for us to see: all mean that nothing is known.
    return undefined;
  }
};

/** The kernel's release, as `6.18.1-generic`; the system's own where it is not Linux. */
export function kernelRelease(): string {
  return release();
}

export function readHostSettings(read: ReadText = readText): HostSettings {
  const descriptors = processLimit(read, 'Max open files');
  const ports = numbers(read('/proc/sys/net/ipv4/ip_local_port_range'));
  const aioMax = number(read, '/proc/sys/fs/aio-max-nr');
  const aioUsed = number(read, '/proc/sys/fs/aio-nr');
  return {
    descriptorsSoft: descriptors?.soft,
    descriptorsHard: descriptors?.hard,
    memlockBytes: processLimit(read, 'Max locked memory')?.soft,
    locksWithoutLimit: mayIpcLock(read),
    somaxconn: number(read, '/proc/sys/net/core/somaxconn'),
    portFirst: ports[0],
    portLast: ports[1],
    timeWaitReuse: number(read, '/proc/sys/net/ipv4/tcp_tw_reuse'),
    unprivilegedPortFirst: number(read, '/proc/sys/net/ipv4/ip_unprivileged_port_start'),
    ioUringDisabled: number(read, '/proc/sys/kernel/io_uring_disabled'),
    aioFree: aioMax === undefined || aioUsed === undefined ? undefined : Math.max(0, aioMax - aioUsed),
  };
}

export function readHostCores(read: ReadText = readText): HostCores {
  const groups = controlGroups(read);
  return {
    cores: availableParallelism(),
    quotaCores: smallest(groups.map((path) => cpuQuota(read, path)).concat(cpuQuotaV1(read))),
    memoryBytes: smallest(groups.map((path) => memoryLimit(read, path)).concat(memoryLimitV1(read))),
  };
}

/** Which kind of container this process runs in; undefined when none is seen. */
export function readContainer(
  read: ReadText = readText,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (environment['KUBERNETES_SERVICE_HOST'] !== undefined) return 'Kubernetes';
  if (read('/run/.containerenv') !== undefined) return 'Podman';
  if (read('/.dockerenv') !== undefined) return 'Docker';
  const systemd = read('/run/systemd/container')?.trim();
  if (systemd !== undefined && systemd !== '') return systemd;
  const first = read('/proc/1/cgroup') ?? '';
  if (first.includes('kubepods')) return 'Kubernetes';
  if (first.includes('docker')) return 'Docker';
  if (first.includes('lxc')) return 'LXC';
  // gVisor answers system calls itself and says so in its boot messages' stead.
  if (/gvisor/i.test(read('/proc/version') ?? '')) return 'gVisor';
  return environment['container'];
}

/** Soft and hard limit from /proc/self/limits, a table with columns two or more blanks apart. */
function processLimit(read: ReadText, name: string): { soft: number; hard: number } | undefined {
  const line = read('/proc/self/limits')
    ?.split('\n')
    .find((each) => each.startsWith(name));
  const [soft, hard] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  return { soft: limitValue(soft), hard: limitValue(hard) };
}

const CAP_IPC_LOCK = 14n;

/** Decides as capable(CAP_IPC_LOCK) does in the kernel, for which root in a rootless container is an ordinary user. */
function mayIpcLock(read: ReadText): boolean | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (effective === undefined) return undefined;
  // user_namespaces(7): only the initial one maps every user to itself.
  const isInitial = numbers(read('/proc/self/uid_map')).join() === '0,0,4294967295';
  return isInitial && ((BigInt(`0x${effective}`) >> CAP_IPC_LOCK) & 1n) === 1n;
}

function limitValue(text: string): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

function numbers(text: string | undefined): number[] {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? [] : trimmed.split(/\s+/).map(Number);
}

function number(read: ReadText, path: string): number | undefined {
  const value = numbers(read(path))[0];
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  let best: number | undefined;
  for (const value of values) if (value !== undefined && (best === undefined || value < best)) best = value;
  return best;
}

/** Folders of this process's control group (version 2) and of all above it: each may set a limit. */
function controlGroups(read: ReadText): string[] {
  const line = read('/proc/self/cgroup')
    ?.split('\n')
    .find((each) => each.startsWith('0::'));
  if (line === undefined) return [];
  const folders = ['/sys/fs/cgroup'];
  for (const part of line.slice(3).split('/')) {
    if (part !== '' && part !== '..') folders.push(`${folders[folders.length - 1]}/${part}`);
  }
  return folders;
}

/** `cpu.max` holds a quota and a period in microseconds, or `max`. */
function cpuQuota(read: ReadText, folder: string): number | undefined {
  const [quota, periodUs] = (read(`${folder}/cpu.max`) ?? '').trim().split(/\s+/);
  return quota === undefined || quota === '' || quota === 'max'
    ? undefined
    : Number(quota) / Number(periodUs);
}

/** Version 1, where a container sees its own group at the top. The quota is -1 when there is none. */
function cpuQuotaV1(read: ReadText): number | undefined {
  const quotaUs = number(read, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const periodUs = number(read, '/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return quotaUs === undefined || periodUs === undefined || quotaUs <= 0 ? undefined : quotaUs / periodUs;
}

function memoryLimit(read: ReadText, folder: string): number | undefined {
  const text = read(`${folder}/memory.max`)?.trim();
  return text === undefined || text === '' || text === 'max' ? undefined : Number(text);
}

/** Version 1 says "no limit" with a number near 2^63. */
function memoryLimitV1(read: ReadText): number | undefined {
  const bytes = number(read, '/sys/fs/cgroup/memory/memory.limit_in_bytes');
  return bytes === undefined || bytes > 2 ** 60 ? undefined : bytes;
}
