import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { PATIENT_PROMISES, startFaulty } from './faulty-server.fixture.ts';
import { namedCases } from './http1/cases.ts';
import { makeStream } from './http1/grammar.ts';
import { leaveOut, shrink } from './shrink.ts';
import { eventCount, type Script, send } from './wire/script.ts';

test('what is left out is everything that does not matter', async () => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  const left = await leaveOut(
    items,
    async (some) => some.includes(7) && some.includes(61) && some.includes(99),
  );
  assert.deepEqual(left, [7, 61, 99]);
});

test('a script becomes as small as its finding lets it', async (t) => {
  const server = await startFaulty({ overlooks: (all) => all.replace(/[ \t]+:/g, ':') }, PATIENT_PROMISES);
  t.after(() => server.close());
  const padding = 'GET / HTTP/1.1\r\nHost: a\r\nX-Padding: nothing that matters here\r\n\r\n'.repeat(8);
  const script: Script = [
    send(padding),
    { kind: 'wait', ms: 1 },
    send('GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n'),
  ];
  const order = {
    target: server.target,
    judge: { name: 'http1', input: { strict: 0 } },
    id: 'space-before-colon',
  };
  const { script: small } = await shrink({ ...order, script, signal: new AbortController().signal });
  assert.ok(eventCount(small) <= eventCount(script) / 10, `${eventCount(script)} to ${eventCount(small)}`);
});

test('a seed makes the same streams again, and another seed others', () => {
  const carrier = { authority: 'a', path: '/', contentMethod: 'POST', contentPath: '/' };
  const streams = (seed: number): Script[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 20 }, () => makeStream(random.fork(), carrier));
  };
  assert.deepEqual(streams(1), streams(1));
  assert.notDeepEqual(streams(1), streams(2));
  assert.equal(new Set(namedCases(carrier).map(({ name }) => name)).size, namedCases(carrier).length);
});
