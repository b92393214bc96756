import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RLIMIT_NOFILE } from './abi/file.ts';
import { IORING_OP_NOP } from './abi/io-uring-ops.ts';
import { ERRNO } from './errno.ts';
import { getrlimit, lockedMemoryLimit, raiseDescriptorLimit, setrlimit } from './limits.ts';
import { probeEpollAio, probeFfi, probeIoUring } from './probe.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

test('every answer has a reason', () => {
  for (const finding of [probeFfi(), probeIoUring(), probeEpollAio()]) {
    assert.equal(typeof finding.available, 'boolean');
    assert.notEqual(finding.reason, '');
  }
});

test('a host with a ring names its operations and features', { skip }, (t) => {
  const found = probeIoUring();
  if (!found.available) return t.skip(found.reason);
  assert.ok(found.operations.has(IORING_OP_NOP));
  assert.ok(found.features > 0 && found.bufferRings && found.multishotAccept && found.eventfd);
  if (found.deferTaskrun) assert.ok(found.singleIssuer);
});

test('probing leaves no descriptor and no mapping behind', { skip }, () => {
  probeIoUring();
  probeEpollAio();
  const descriptors = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 3; i++) {
    probeIoUring();
    probeEpollAio();
  }
  assert.equal(readdirSync('/proc/self/fd').length, descriptors);
  assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes('[aio]'));
});

test('elsewhere than on Linux everything is answered with no', () => {
  const script = `Object.defineProperty(process, 'platform', { value: 'win32' });
    const probe = await import(${JSON.stringify(new URL('./probe.js', import.meta.url).href)});
    const all = [probe.probeFfi(), probe.probeIoUring(), probe.probeEpollAio()];
    console.log(JSON.stringify(all.map(({ available, reason }) => [available, reason])));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  for (const [available, reason] of JSON.parse(run.stdout)) {
    assert.equal(available, false);
    assert.match(reason, /Linux only; this is win32/);
  }
});

test('the limit on descriptors is read, lowered and raised again', { skip }, () => {
  const limit = getrlimit(RLIMIT_NOFILE);
  assert.ok(typeof limit !== 'number');
  assert.equal(setrlimit(RLIMIT_NOFILE, { soft: Math.min(limit.soft, 1000), hard: limit.hard }), 0);
  assert.equal(raiseDescriptorLimit(), limit.hard);
  assert.deepEqual(getrlimit(RLIMIT_NOFILE), { soft: limit.hard, hard: limit.hard });
  assert.equal(setrlimit(RLIMIT_NOFILE, limit), 0);
  assert.equal(getrlimit(9999), -ERRNO.EINVAL);
  assert.ok(typeof lockedMemoryLimit() !== 'number');
});
