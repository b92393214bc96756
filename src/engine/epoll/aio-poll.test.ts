import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_NONBLOCK } from '../../sys/abi/file.ts';
import { type Pipe, pipe2, writeFd } from '../../sys/descriptor.ts';
import { ERRNO } from '../../sys/errno.ts';
import { eventfd, eventfdRead } from '../../sys/event.ts';
import { allocate } from '../../sys/memory.ts';
import { closeFd } from '../../sys/socket.ts';
import { sleep, until } from '../contract/harness.contract.ts';
import { AioPoll } from './aio-poll.ts';
import { EventSet, INPUT_INTEREST } from './event-set.ts';

describe('an AIO poll of an epoll set', () => {
  const memory = allocate(1);
  let events: EventSet;
  let poll: AioPoll;
  let signal: number;
  // No eventfd: the kernel puts a signal off that comes from within another (eventfd_signal_allowed).
  let source: Pipe;

  beforeEach(() => {
    events = new EventSet();
    signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    source = pipe();
    poll = new AioPoll(events.fd, signal);
    assert.equal(events.add(source.readFd, INPUT_INTEREST, 7, 9), 0);
  });

  afterEach(() => {
    poll.close();
    events.close();
    closeFd(signal);
    closePipe(source);
  });

  const happen = (pipe = source): void => assert.equal(writeFd(pipe.writeFd, memory.address, 1), 1);
  const signals = (): number => Math.max(0, eventfdRead(signal));
  const signalled = (what: string): Promise<void> => until(() => signals() === 1, what, 1000);

  test('signals when something happens, once', async () => {
    assert.equal(poll.arm(), 1);
    assert.equal(eventfdRead(signal), -ERRNO.EAGAIN);
    happen();
    happen();
    await signalled('the signal');
    happen();
    await sleep(5);
    assert.equal(signals(), 0);
  });

  test('signals for what happened before it was armed', async () => {
    happen();
    assert.equal(poll.arm(), 1);
    await signalled('the signal');
  });

  test('is silent about what was taken before it was armed', async () => {
    happen();
    assert.equal(events.look(0), 1);
    const place = events.take();
    assert.equal(events.dataAt(place), 7);
    assert.equal(events.dataHighAt(place), 9);
    assert.equal(events.take(), -1);
    assert.equal(poll.arm(), 1);
    await sleep(5);
    assert.equal(signals(), 0);
  });

  test('can be armed any number of times', async () => {
    for (let round = 0; round < 1000; round++) {
      // Both ways in turn: news before arming, and news after.
      if (round % 2 === 0) happen();
      assert.equal(poll.arm(), 1);
      if (round % 2 === 1) happen();
      await signalled(`the signal of round ${round}`);
      assert.equal(events.look(0), 1);
      events.take();
    }
  });

  test('can be closed while it waits, and twice', async () => {
    poll.arm();
    poll.close();
    poll.close();
    signals();
    happen();
    await sleep(5);
    assert.equal(signals(), 0);
  });

  test('what is left of one look is given before the next', () => {
    const second = pipe();
    happen();
    happen(second);
    assert.equal(events.add(second.readFd, INPUT_INTEREST, 8, 0), 0);
    assert.equal(events.look(0), 2);
    assert.equal(events.dataAt(events.take()), 7);
    // This is the state after a callback that threw.
    assert.equal(events.look(0), 1);
    assert.equal(events.dataAt(events.take()), 8);
    assert.equal(events.look(0), 0);
    closePipe(second);
  });

  test('a descriptor that was removed says nothing more', () => {
    events.remove(source.readFd);
    happen();
    assert.equal(events.look(0), 0);
  });
});

function pipe(): Pipe {
  const made = pipe2(O_CLOEXEC | O_NONBLOCK);
  assert.ok(typeof made !== 'number');
  return made;
}

function closePipe({ readFd, writeFd }: Pipe): void {
  closeFd(readFd);
  closeFd(writeFd);
}
