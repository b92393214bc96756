import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cpuBetween,
  parseCpuLines,
  parseSchedstat,
  parseStat,
  processTree,
  readCpu,
  userError,
} from './cpu.mjs';

test('a command name with spaces and parentheses does not shift the fields of stat', () => {
  const text = '77 (a (b) c) S 12 77 77 0 -1 4194560 100 0 0 0 345 678 0 0 20 0 11 0 9';
  assert.deepEqual(parseStat(text), { state: 'S', parentPid: 12, userTicks: 345, systemTicks: 678 });
});

test('the time on the CPU is the first field of schedstat', () => {
  assert.equal(parseSchedstat('123456789 55 10\n'), 123_456_789);
});

test('busy ticks leave out idle and iowait and keep steal', () => {
  const text =
    'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 4 1000 1000 8 16 32 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\nintr 5\n';
  assert.deepEqual(
    [...parseCpuLines(text)],
    [
      [0, 63],
      [1, 1],
    ],
  );
});

test('the total comes from the scheduler and only the split from the ticks', () => {
  const reading = (totalNs, userTicks, systemTicks, busy, atNs) => ({
    totalNs,
    userTicks,
    systemTicks,
    busy: new Map([[0, busy]]),
    atNs,
  });
  const between = cpuBetween(reading(1e9, 10, 30, 100, 0n), reading(3e9, 35, 105, 300, 4_000_000_000n));
  assert.deepEqual(between, {
    seconds: 4,
    totalSeconds: 2,
    userSeconds: 0.5,
    systemSeconds: 1.5,
    machineSeconds: 2,
  });
});

test('the sampling error of a user time falls with the root of its ticks', () => {
  assert.equal(userError(0.4, 250), 0.1);
  assert.equal(userError(0), undefined);
});

test('this process finds itself and its own time', () => {
  assert.equal(processTree(process.pid)[0], process.pid);
  const before = readCpu([process.pid]);
  // By the process's own account, since others may have the core meanwhile.
  const { user, system } = process.cpuUsage();
  const workedUs = () => {
    const now = process.cpuUsage();
    return now.user - user + now.system - system;
  };
  while (workedUs() < 30_000);
  const { totalSeconds } = cpuBetween(before, readCpu([process.pid]));
  assert.ok(totalSeconds > 0.01, `${totalSeconds} s after 30 ms of work`);
});
