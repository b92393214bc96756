import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../sys/abi/file.ts';
import { eventfd, eventfdRead } from '../../sys/event.ts';
import { closeFd } from '../../sys/socket.ts';
import { Handoff } from './handoff.ts';

const skip = process.platform === 'linux' ? false : 'descriptors are Linux';

test('a connection goes to the thread with the fewest, and wakes it', { skip }, () => {
  const buffer = Handoff.allocate(3);
  const [a, b, c] = [0, 1, 2].map((thread) => new Handoff(buffer, thread)) as [Handoff, Handoff, Handoff];
  const wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  a.join(wake);
  b.join(wake);
  assert.equal(a.tryGive(40, 0), false, 'nobody has fewer than none');
  a.report(2);
  b.report(1);
  assert.equal(a.tryGive(41, 2), true);
  assert.ok(eventfdRead(wake) > 0);
  assert.equal(a.hasWaiting, false);
  assert.equal(b.hasWaiting, true);
  // What waits counts: one open and one waiting are two.
  assert.equal(a.tryGive(42, 2), false);
  assert.equal(b.take(), 41);
  assert.equal(b.take(), -1);
  c.join(wake);
  assert.equal(a.tryGive(0, 2), true);
  assert.equal(c.take(), 0, 'descriptor 0 can be given');
  closeFd(wake);
});

test('a thread that has left is given nothing, and reports change nothing', { skip }, () => {
  const buffer = Handoff.allocate(2);
  const [a, b] = [new Handoff(buffer, 0), new Handoff(buffer, 1)];
  const wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  a.join(wake);
  assert.equal(a.tryGive(40, 9), false, 'the other has not joined');
  b.join(wake);
  assert.equal(a.tryGive(41, 9), true);
  b.leave();
  b.report(0);
  assert.equal(a.tryGive(42, 9), false);
  assert.equal(b.take(), 41, 'what was given before is still taken');
  b.join(wake);
  assert.equal(new Handoff(buffer, 1).abandon(), 0);
  assert.equal(a.tryGive(43, 9), false);
  closeFd(wake);
});

test('a full inbox leaves the connection where it is', { skip }, () => {
  const buffer = Handoff.allocate(2);
  const [a, b] = [new Handoff(buffer, 0), new Handoff(buffer, 1)];
  const wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  b.join(wake);
  let given = 0;
  while (a.tryGive(100 + given, 1_000_000)) given++;
  assert.equal(given, 256);
  const taken = new Set<number>();
  for (let fd = b.take(); fd !== -1; fd = b.take()) taken.add(fd);
  assert.equal(taken.size, 256);
  closeFd(wake);
});

test('what waits for a thread that has ended goes to the others, or is closed', { skip }, () => {
  const buffer = Handoff.allocate(3);
  const [a, b, c] = [0, 1, 2].map((thread) => new Handoff(buffer, thread)) as [Handoff, Handoff, Handoff];
  const wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const given = [eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)] as const;
  a.join(wake);
  b.join(wake);
  for (const fd of given) assert.equal(a.tryGive(fd, 9), true);
  c.join(wake);
  // The main thread does the same, from outside.
  assert.equal(new Handoff(buffer, 1).abandon(), 0);
  assert.equal(b.take(), -1);
  a.report(5);
  const taken = [a.take(), a.take(), c.take(), c.take()].filter((fd) => fd !== -1);
  assert.deepEqual(taken.sort(), [...given].sort());
  assert.equal(b.tryGive(given[0], 9), true, 'the others go on');
  c.leave();
  a.leave();
  assert.equal(new Handoff(buffer, 0).abandon() + new Handoff(buffer, 2).abandon(), 1);
  assert.equal(eventfdRead(given[0]) < 0, true, 'nobody was left to take it: it is closed');
  closeFd(given[1]);
  closeFd(wake);
});

test('a thread that is killed while it gives does not hold up the end of another', { skip }, () => {
  const buffer = Handoff.allocate(2);
  new Int32Array(buffer)[3] = 1; // One thread says that it is giving, and never stops.
  const startMs = performance.now();
  assert.equal(new Handoff(buffer, 0).abandon(), 0);
  assert.ok(performance.now() - startMs < 1000);
});
