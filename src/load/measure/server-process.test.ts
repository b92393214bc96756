import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interfaceTowards, readSegments } from './network-facts.ts';
import type { ProcFiles } from './proc-files.ts';
import { findServerPids, readServer, serverCpuBetween } from './server-process.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 700 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:8402 01 00000000:00000000 00:00000000 00000000     0        0 800 1 0
`;
const TARGET = { family: 'IPv4', address: '127.0.0.1', port: 8080 } as const;

/** Two processes share the listening socket, as a master and its worker do; a third has a connection. */
const LINKS: Readonly<Record<string, string>> = {
  '/proc/10/fd/3': 'socket:[700]',
  '/proc/11/fd/5': 'socket:[700]',
  '/proc/12/fd/4': 'socket:[800]',
};

function host(texts: Readonly<Record<string, string>>): ProcFiles {
  const lists: Readonly<Record<string, readonly string[]>> = {
    '/proc': ['10', '11', '12', 'self', 'net'],
    '/proc/10/fd': ['3'],
    '/proc/11/fd': ['0', '5'],
    '/proc/12/fd': ['4'],
    '/proc/10/task': ['10'],
    '/proc/11/task': ['11', '21'],
  };
  return {
    text: (path) => texts[path],
    list: (path) => lists[path] ?? [],
    link: (path) => LINKS[path],
  };
}

test('the processes that listen at the target are found by their socket', () => {
  const files = host({ '/proc/net/tcp': TCP });
  assert.deepEqual(findServerPids(TARGET, files), [10, 11]);
  assert.deepEqual(findServerPids({ ...TARGET, port: 8081 }, files), []);
  assert.deepEqual(findServerPids({ ...TARGET, address: '192.0.2.1' }, files), []);
  const unix = host({
    '/proc/net/unix':
      'Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 700 /run/a.sock\n',
  });
  assert.deepEqual(findServerPids({ unix: '/run/a.sock' }, unix), [10, 11]);
});

test('the busiest thread tells, since more cores would not help it', () => {
  const stat = (user: number, system: number) => `11 (a (b) c) S ${'0 '.repeat(10)}${user} ${system} 0`;
  const before = readServer(
    [10, 11],
    host({
      '/proc/10/task/10/schedstat': '1000000 0 1',
      '/proc/11/task/11/schedstat': '5000000000 1000000 7',
      '/proc/11/stat': stat(100, 300),
    }),
    1000,
  );
  const after = readServer([10, 11], host({
    '/proc/10/task/10/schedstat': '2000000 0 1',
    '/proc/11/task/11/schedstat': '5970000000 21000000 9',
    '/proc/11/task/21/schedstat': '200000000 0 9',
    '/proc/11/stat': stat(125, 375),
  }), 2000); // biome-ignore format: a file a line
  const cpu = serverCpuBetween(before, after)!;
  assert.equal(cpu.wallMs, 1000);
  assert.equal(cpu.cpuMs, 1 + 970 + 200);
  assert.equal(cpu.busiestShare, 0.97);
  assert.equal(cpu.busiestWaitedShare, 0.02);
  assert.equal(cpu.threadCount, 3);
  assert.equal(cpu.userMs, 1171 / 4);
  assert.equal(cpu.systemMs, (1171 * 3) / 4);
});

test('of a server that nobody can see nothing is said', () => {
  const nothing = readServer([], host({}), 0);
  assert.equal(serverCpuBetween(nothing, { ...nothing, atMs: 1000 }), undefined);
});

test('segments are read by their names', () => {
  const snmp = 'Ip: A B\nIp: 1 2\nTcp: RtoMin InSegs OutSegs RetransSegs\nTcp: 200 7 1000 13\n';
  assert.deepEqual(readSegments(host({ '/proc/net/snmp': snmp })), { sent: 1000, retransmitted: 13 });
  assert.equal(readSegments(host({})), undefined);
});

test('the interface towards a target is that of the longest prefix', () => {
  const table = `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0
eth1 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
`;
  assert.equal(interfaceTowards('192.0.2.9', table), 'eth1');
  assert.equal(interfaceTowards('198.51.100.1', table), 'eth0');
  assert.equal(interfaceTowards('198.51.100.1', ''), undefined);
});
