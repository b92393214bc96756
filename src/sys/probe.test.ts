import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RLIMIT_MEMLOCK, RLIMIT_NOFILE } from './abi/file.ts';
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

/** Probes after each of `steps` in a process of its own and returns what was found, as JSON had it. */
function probeIn(steps: string, options: { uid?: number } = {}) {
  const url = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    const { probeEpollAio, probeIoUring } = await import(${url('./probe.js')});
    const { getrlimit, setrlimit } = await import(${url('./limits.js')});
    const { readdirSync } = await import('node:fs');
    const found = [probeIoUring()];
    const probe = () => {
      found.push(probeIoUring(), probeEpollAio());
    };
    ${steps}
    console.log(JSON.stringify(found.map(({ available, reason, exhausted }) =>
      ({ available, reason, code: exhausted?.code }))));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    ...options,
  });
  assert.equal(run.status, 0, run.stderr);
  const [atFirst, ...found] = JSON.parse(run.stdout) as Probed[];
  return { atFirst: atFirst!, found };
}

interface Probed {
  readonly available: boolean;
  readonly reason: string;
  readonly code?: string;
}

test('too few descriptors are not taken for an old kernel', { skip }, (t) => {
  const { atFirst, found } = probeIn(`
    const open = readdirSync('/proc/self/fd').map(Number).sort((a, b) => b - a)[1];
    const { hard } = getrlimit(${RLIMIT_NOFILE});
    for (let room = 0; room < 3; room++) {
      setrlimit(${RLIMIT_NOFILE}, { soft: open + 1 + room, hard });
      probe();
    }
    setrlimit(${RLIMIT_NOFILE}, { soft: hard, hard });`);
  if (!atFirst.available) return t.skip(atFirst.reason);
  assert.ok(found.some(({ code }) => code === 'EMFILE'));
  for (const { available, reason, code } of found) assert.ok(available || code === 'EMFILE', reason);
});

test('too little locked memory is not taken for an old kernel', { skip }, (t) => {
  if (process.getuid?.() !== 0)
    return t.skip('root has no such limit, and only root can become another user');
  const uid = 65534;
  const here = new URL('./probe.js', import.meta.url).pathname;
  if (spawnSync('test', ['-r', here], { uid }).status !== 0)
    return t.skip('that user cannot read the package');
  const { atFirst, found } = probeIn(
    `const { hard } = getrlimit(${RLIMIT_MEMLOCK});
    for (let kib = 8; kib <= 96; kib += 8) {
      setrlimit(${RLIMIT_MEMLOCK}, { soft: kib * 1024, hard });
      probe();
      // Rings that were closed are counted for a moment longer.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }`,
    { uid },
  );
  if (!atFirst.available) return t.skip(atFirst.reason);
  for (const { available, reason, code } of found) assert.ok(available || code === 'ENOMEM', reason);
  if (found.every(({ available }) => available)) t.skip('this kernel does not count rings as locked memory');
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
