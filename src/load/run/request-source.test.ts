import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OTHERS, UrlTally } from '../measure/url-tally.ts';
import { PLAN } from '../plan/load-plan.fixture.ts';
import { PlannedSource } from './request-source.ts';
import { Slot } from './slot.ts';

test('figures of a single URL are not kept twice, and what is never sent is spread over all', () => {
  const tally = new UrlTally();
  const source = new PlannedSource(PLAN, tally);
  tally.answered(source.next(new Slot(0, 0)).urlRow, 200, 5);
  assert.deepEqual(tally.totals().rows, []);
  const request = PLAN.requests[0]!;
  const requests = ['/1', '/2', '/1'].map((path) => ({ ...request, path, url: `http://a${path}` }));
  const several = new UrlTally();
  const turns = new PlannedSource({ ...PLAN, requests }, several);
  for (const times of [1, 4, 1])
    for (const skipped of turns.skip(times)) several.waitedFor(skipped.urlRow, 10, skipped.times);
  several.waitedFor(OTHERS, 10);
  const { rows, others } = several.totals();
  assert.deepEqual(
    rows.map(({ url, failed, latency }) => [url, failed, latency.count]),
    [
      ['http://a/1', 4, 4],
      ['http://a/2', 2, 2],
    ],
  );
  assert.equal(others?.failed, 1);
});
