/**
 * CPU time of a process tree, from /proc.
 *
 * The total is the scheduler's own sum in nanoseconds (`schedstat` of every thread). The split in user and
 * system is another matter: kernels with CONFIG_TICK_CPU_ACCOUNTING, the usual ones of virtual machines,
 * sample it at the timer tick, so that a user share of 10 % in a window of 3 s at 250 Hz rests on 75
 * samples. `userError` gives the standard error that follows; longer windows and more rounds lower it.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** sysconf(_SC_CLK_TCK): 100 on every Linux ABI of today, asked for all the same. */
export const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/**
 * utime and stime (fields 14 and 15 of proc_pid_stat(5)) in clock ticks. The command name in parentheses
 * may itself hold spaces and parentheses, so counting begins after the last one.
 */
export function parseStat(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0],
    parentPid: Number(fields[1]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
  };
}

/** Nanoseconds on the CPU: the first field of `schedstat`. */
export function parseSchedstat(text) {
  return Number(text.slice(0, text.indexOf(' ')));
}

/** Busy ticks (all but idle and iowait) of each CPU, from /proc/stat. Steal counts as busy: it is lost time. */
export function parseCpuLines(text) {
  const busy = new Map();
  for (const line of text.split('\n')) {
    const match = /^cpu(\d+) (.*)$/.exec(line);
    if (match === null) continue;
    const [user, nice, system, , , irq, softirq, steal] = match[2].split(' ').map(Number);
    busy.set(Number(match[1]), user + nice + system + irq + softirq + steal);
  }
  return busy;
}

/** `pid` and all that descend from it. */
export function processTree(pid) {
  const childrenOf = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = tryRead(`/proc/${name}/stat`);
    if (text === undefined) continue;
    const { parentPid } = parseStat(text);
    const siblings = childrenOf.get(parentPid);
    if (siblings === undefined) childrenOf.set(parentPid, [Number(name)]);
    else siblings.push(Number(name));
  }
  const tree = [pid];
  for (let i = 0; i < tree.length; i++) tree.push(...(childrenOf.get(tree[i]) ?? []));
  return tree;
}

/** A reading of the clocks of these processes and of the whole machine. */
export function readCpu(pids) {
  let totalNs = 0;
  let userTicks = 0;
  let systemTicks = 0;
  for (const pid of pids) {
    const stat = tryRead(`/proc/${pid}/stat`);
    if (stat === undefined) continue;
    const parsed = parseStat(stat);
    userTicks += parsed.userTicks;
    systemTicks += parsed.systemTicks;
    for (const thread of tryList(`/proc/${pid}/task`)) {
      const schedstat = tryRead(`/proc/${pid}/task/${thread}/schedstat`);
      if (schedstat !== undefined) totalNs += parseSchedstat(schedstat);
    }
  }
  const busy = parseCpuLines(readFileSync('/proc/stat', 'utf8'));
  return { totalNs, userTicks, systemTicks, busy, atNs: process.hrtime.bigint() };
}

/** Between two readings: seconds of CPU, split, and how much the machine did in all. */
export function cpuBetween(before, after) {
  const userTicks = after.userTicks - before.userTicks;
  const systemTicks = after.systemTicks - before.systemTicks;
  const ticks = userTicks + systemTicks;
  const totalSeconds = (after.totalNs - before.totalNs) / 1e9;
  const userShare = ticks > 0 ? userTicks / ticks : 0;
  let machineTicks = 0;
  for (const [cpu, busy] of after.busy) machineTicks += busy - (before.busy.get(cpu) ?? 0);
  return {
    seconds: Number(after.atNs - before.atNs) / 1e9,
    totalSeconds,
    userSeconds: totalSeconds * userShare,
    systemSeconds: totalSeconds * (1 - userShare),
    machineSeconds: machineTicks / TICKS_PER_SECOND,
  };
}

/** Relative standard error of a user time that was sampled at `hz`. */
export function userError(userSeconds, hz = 250) {
  return userSeconds > 0 ? 1 / Math.sqrt(userSeconds * hz) : undefined;
}

function tryRead(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the process or thread has ended meanwhile
  }
}

function tryList(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
