/** The adversary's own proof: servers with one fault each, and the slice that has to find it; and none with a good server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { describe, it } from 'node:test';
import {
  type Faults,
  PATIENT_PROMISES,
  QUICK_PROMISES,
  startFaulty,
  targetAt,
} from './faulty-server.fixture.ts';
import { sightingsOf } from './slice-bench.fixture.ts';
import { connections } from './slices/connections.ts';
import { h2 } from './slices/h2.ts';
import { malformed } from './slices/malformed.ts';
import type { Slice } from './slices/slice.ts';
import { slow } from './slices/slow.ts';

const PLANTED: readonly (readonly [what: string, slice: Slice, faults: Faults, id: string])[] = [
  [
    'takes the first of two lengths',
    malformed,
    { overlooks: (all) => all.replace(/(Content-Length: ?\d+\r\n)Content-Length: ?\d+\r\n/gi, '$1') },
    'two-lengths',
  ],
  [
    'takes a length with a sign',
    malformed,
    { overlooks: (all) => all.replace(/(Content-Length: ?)[+-]/gi, '$1') },
    'bad-length',
  ],
  [
    'takes white space before a colon',
    malformed,
    { overlooks: (all) => all.replace(/[ \t]+:/g, ':') },
    'space-before-colon',
  ],
  [
    'goes on behind a length and a coding',
    malformed,
    {
      overlooks: (all) =>
        all
          .replace(/Content-Length: ?\d+\r\n(?=Transfer)/gi, '')
          .replace(/(chunked\r\n)Content-Length: ?\d+\r\n/gi, '$1'),
    },
    'length-and-coding-goes-on',
  ],
  [
    'takes any coding for chunked',
    malformed,
    { overlooks: (all) => all.replace(/(Transfer-Encoding:)[^\r\n]*/gi, '$1 chunked') },
    'coding-not-final',
  ],
  [
    'cuts chunk sizes to 64 bits',
    malformed,
    { overlooks: (all) => all.replace(/\r\n1000000000000000(?=5\r\n)/g, '\r\n') },
    'chunk-size-overflow-goes-on',
  ],
  [
    'takes 0x before a chunk size',
    malformed,
    { overlooks: (all) => all.replace(/\r\n0x/g, '\r\n') },
    'chunk-size-goes-on',
  ],
  [
    'looks at no chunk end',
    malformed,
    { overlooks: (all) => all.replace(/helloXX/g, 'hello\r\n') },
    'chunk-end-goes-on',
  ],
  [
    'needs no Host',
    malformed,
    { overlooks: (all) => all.replace(/ HTTP\/1\.1\r\n\r\n/g, ' HTTP/1.1\r\nHost: a\r\n\r\n') },
    'no-host',
  ],
  ['answers every request twice', malformed, { answersTwice: true }, 'more-answers-than-requests'],
  ['reads pieces as they arrive', malformed, { readsPieces: true }, 'reading-depends-on-split'],
  ['lets bytes extend the header deadline', slow, { bytesExtendDeadlines: true }, 'never-ended-drip'],
  ['never ends a head', slow, { neverEndsHeads: true }, 'never-ended-silent'],
  ['never ends an idle connection', slow, { neverEndsIdle: true }, 'never-ended-idle'],
  ['never ends content that stops', slow, { neverEndsBodies: true }, 'never-ended-body-stalls'],
  ['ends slow clients late', slow, { lateMs: 1500 }, 'late-half-head'],
  ['does not look at FIN', connections, { ignoresFin: true, neverEndsIdle: true }, 'fin-unseen-idle'],
  [
    'drops who has sent FIN',
    connections,
    { dropsHalfClosed: true, answersAfterMs: 50 },
    'half-closed-unanswered',
  ],
  ['resets in place of FIN', connections, { resetsInsteadOfFin: true }, 'answer-destroyed'],
  ['aborts readers that pause', slow, { abortsSlowReadersAfterMs: 1000 }, 'aborted-paused-reader'],
];

const promisesFor = (slice: Slice) => (slice === slow ? QUICK_PROMISES : PATIENT_PROMISES);

describe('planted faults', { concurrency: 3 }, () => {
  for (const [what, slice, faults, id] of PLANTED)
    it(`a server that ${what} is found by ${slice.name}`, async () => {
      const promises = promisesFor(slice);
      const server = await startFaulty(faults, promises);
      const { sightings } = await sightingsOf(slice, server.target, promises);
      server.close();
      assert.ok(sightings.has(id), `found ${[...sightings.keys()].join(', ') || 'nothing'}`);
    });

  for (const slice of [malformed, slow, connections])
    it(`a server without a fault is left alone by ${slice.name}`, async () => {
      const promises = promisesFor(slice);
      const server = await startFaulty({}, promises);
      const { sightings } = await sightingsOf(slice, server.target, promises, { budgetMs: 2000 });
      server.close();
      assert.deepEqual(
        [...sightings.values()].map(({ id, title }) => `${id}: ${title}`),
        [],
      );
    });

  it('a server that speaks HTTP/2 and bounds nothing is told of, attack by attack', async () => {
    const EMPTY_SETTINGS = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
    const server = createNetServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.write(EMPTY_SETTINGS)).resume();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { ...targetAt(port), isSecure: false };
    const { sightings } = await sightingsOf(h2, target, PATIENT_PROMISES, { budgetMs: 130_000 });
    server.close();
    for (const id of ['rapid-reset', 'empty-continuation', 'ping', 'settings', 'priority'])
      assert.equal(sightings.get(`never-ended-${id}`)?.severity, 'medium', id);
    assert.equal(sightings.get('never-ended-closed-window')?.severity, 'low');
  });

  it("node:http's late header deadline is told with a figure", async () => {
    // By default it looks at its connections every 30 s, at deadlines of 60 s; here both are shorter.
    const server = createServer(
      { headersTimeout: 1000, requestTimeout: 1000, connectionsCheckingInterval: 2600 },
      (request, response) => {
        request.resume().on('end', () => response.end('hello\n'));
      },
    );
    server.keepAliveTimeout = 1000;
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const there = targetAt(port);
    const { sightings } = await sightingsOf(slow, there, {
      headerMs: 1000,
      idleMs: undefined,
      bodyMs: undefined,
    });
    server.closeAllConnections();
    server.close();
    const late = sightings.get('late-half-head');
    assert.match(late?.title ?? '', /ended [\d.]+ s after the deadline of 1 s/);
  });

  it('two servers that read the same bytes otherwise are a row of the grid', async () => {
    const [strict, lenient] = [
      await startFaulty({}, PATIENT_PROMISES),
      await startFaulty({ repairs: true }, PATIENT_PROMISES),
    ];
    const { grid } = await sightingsOf(malformed, strict.target, PATIENT_PROMISES, {
      budgetMs: 1,
      against: [lenient.target],
    });
    strict.close();
    lenient.close();
    const row = grid.find(({ name }) => name === 'a field line that ends in LF');
    assert.deepEqual(row?.readings, ['400, closes', '200 200, closes']);
    assert.equal(row?.rule, 'RFC 9112 §2.2');
  });
});
