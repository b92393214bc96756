import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2Stream } from '../../protocol/h2/server/h2-stream.ts';
import { ClientGoneError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { StreamCarrier, type StreamSession } from './stream.ts';

function stage() {
  const timed = new Map<StreamCarrier, number>();
  const session = {
    id: 1,
    hasPeerEnded: false,
    streamTimed: (stream: StreamCarrier, atMs: number) => timed.set(stream, atMs),
    streamUntimed: (stream: StreamCarrier) => timed.delete(stream),
    streamYields: () => {},
  } as unknown as StreamSession;
  const carrier = new StreamCarrier(session, new H2Stream());
  carrier.exchange = {
    body: null,
    deadlineMs: 50,
    isHandlerBusy: false,
    release() {},
    clientGone() {},
  } as unknown as Exchange;
  return { timed, carrier };
}

test('an exchange with a deadline is kept for no longer than it is open', () => {
  for (const end of [
    (carrier: StreamCarrier) => carrier.exchangeFinished(),
    (carrier: StreamCarrier) => carrier.reset(new ClientGoneError('test')),
  ]) {
    const { timed, carrier } = stage();
    carrier.armExchange();
    assert.deepEqual([...timed.values()], [50]);
    end(carrier);
    assert.equal(timed.size, 0);
    carrier.armExchange();
    assert.equal(timed.size, 0, 'nor again when it is over');
  }
});

test('what is done for a stream that is over does nothing', () => {
  const { carrier } = stage();
  carrier.exchangeFinished();
  assert.equal(carrier.room, 0);
  assert.equal(carrier.takesBytes, false);
  assert.equal(carrier.shortText(200, undefined, 'late'), true);
  assert.equal(carrier.write(new Uint8Array(3), 0, 3), 3);
  carrier.end(undefined);
  carrier.continue();
});
