import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSourceAddresses } from '../plan/source-addresses.ts';
import type { ProcFiles } from './proc-files.ts';
import {
  countReserved,
  countTakenPorts,
  isLoopbackAddress,
  PortMeter,
  readPortFacts,
} from './source-ports.ts';

const NET = '/proc/sys/net/ipv4';

function files(texts: Readonly<Record<string, string>>): ProcFiles {
  return { text: (path) => texts[path], list: () => [], link: () => undefined };
}

const HOST = {
  [`${NET}/ip_local_port_range`]: '32768\t60999\n',
  [`${NET}/ip_local_reserved_ports`]: '\n',
  [`${NET}/tcp_tw_reuse`]: '2\n',
  [`${NET}/tcp_timestamps`]: '1\n',
};
const LOOPBACK = { family: 'IPv4', address: '127.0.0.1', port: 8080 } as const;
const REMOTE = { family: 'IPv4', address: '192.0.2.7', port: 8080 } as const;

test('ports to one destination are those of the range, times the source addresses', () => {
  assert.equal(readPortFacts(REMOTE, 0, files(HOST))?.available, 28_232);
  assert.equal(readPortFacts(REMOTE, 8, files(HOST))?.available, 8 * 28_232);
  const reserved = { ...HOST, [`${NET}/ip_local_reserved_ports`]: '8080,32770-32779,60990-61010\n' };
  assert.equal(readPortFacts(REMOTE, 1, files(reserved))?.available, 28_232 - 10 - 10);
  assert.equal(readPortFacts({ unix: '/x' }, 1, files(HOST)), undefined);
  assert.equal(readPortFacts(REMOTE, 1, files({})), undefined);
});

test('a port is held for a minute, or for the reuse delay where TIME_WAIT is reused', () => {
  assert.equal(readPortFacts(REMOTE, 1, files(HOST))?.heldMs, 60_000);
  assert.equal(readPortFacts(LOOPBACK, 1, files(HOST))?.heldMs, 1000);
  const always = { ...HOST, [`${NET}/tcp_tw_reuse`]: '1', [`${NET}/tcp_tw_reuse_delay`]: '250' };
  assert.equal(readPortFacts(REMOTE, 1, files(always))?.heldMs, 250);
  const never = { ...HOST, [`${NET}/tcp_tw_reuse`]: '0' };
  assert.equal(readPortFacts(LOOPBACK, 1, files(never))?.heldMs, 60_000);
  const unstamped = { ...always, [`${NET}/tcp_timestamps`]: '0' };
  assert.equal(readPortFacts(REMOTE, 1, files(unstamped))?.heldMs, 60_000);
});

test('reserved ports count where they lie in the range', () => {
  assert.equal(countReserved('', 100, 200), 0);
  assert.equal(countReserved('150', 100, 200), 1);
  assert.equal(countReserved('90-110,200-300', 100, 200), 12);
});

test('loopback is known in all its spellings', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    assert.equal(isLoopbackAddress(address), true);
  for (const address of ['10.0.0.1', '::2', '128.0.0.1']) assert.equal(isLoopbackAddress(address), false);
});

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:84A5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17221041 1 0 100 0 0 10 0
   1: 0100007F:8400 0100007F:1F90 06 00000000:00000000 03:00001234 00000000     0        0 0 3 0
   2: 0100007F:8402 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 171 1 0
   3: 0100007F:8404 0200007F:1F90 06 00000000:00000000 03:00001234 00000000     0        0 0 3 0
`;

test('ports that are taken to this very destination are counted, and not where that would take long', () => {
  const sockstat = (count: number) =>
    `sockets: used 39\nTCP: inuse 14 orphan 8 tw ${count} alloc 22 mem 475\n`;
  const known = { '/proc/net/tcp': TABLE, '/proc/net/sockstat': sockstat(3) };
  assert.equal(countTakenPorts(LOOPBACK, files(known)), 2);
  assert.equal(countTakenPorts(REMOTE, files(known)), 0);
  assert.equal(
    countTakenPorts(LOOPBACK, files({ ...known, '/proc/net/sockstat': sockstat(200_000) })),
    undefined,
  );
});

test('the meter counts open connections and what was closed within a minute, up to what the kernel holds', () => {
  let timeWaits = 1_000_000;
  const host: ProcFiles = { ...files({}), text: () => `TCP: inuse 1 orphan 0 tw ${timeWaits} alloc 2 mem 4` };
  const facts = readPortFacts(REMOTE, 1, files(HOST))!;
  const meter = new PortMeter(facts, 100, host);
  assert.equal(meter.sample(1000, 10, 500), 610);
  assert.equal(meter.sample(2000, 10, 500), 1110);
  timeWaits = 300;
  assert.equal(meter.sample(3000, 10, 0), 310);
  timeWaits = 1_000_000;
  assert.equal(meter.sample(62_500, 10, 0), 110);
  assert.equal(meter.sample(63_000, 10, 90_000), 28_232);
  assert.equal(meter.max, 28_232);
});

test('source addresses are lists and ranges', () => {
  assert.deepEqual(parseSourceAddresses('-s', '127.0.0.2-127.0.0.4, 10.0.0.1,::1'), [
    '127.0.0.2',
    '127.0.0.3',
    '127.0.0.4',
    '10.0.0.1',
    '::1',
  ]);
  assert.deepEqual(parseSourceAddresses('-s', '10.0.0.255-10.0.1.1'), ['10.0.0.255', '10.0.1.0', '10.0.1.1']);
  for (const wrong of [
    '',
    '127.0.0.1-',
    'localhost',
    '127.0.0.9-127.0.0.2',
    '::1-::2',
    '1.2.3.4-1.2.3.5-1.2.3.6',
    '10.0.0.0-10.9.0.0',
  ])
    assert.throws(() => parseSourceAddresses('-s', wrong), /^OptionError: -s: /, wrong);
});
