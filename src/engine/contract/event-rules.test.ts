/** The rules over traces of engines must find what breaks them, one planted fault after the other, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asked, EventRules, type Peers, type Told } from './event-rules.contract.ts';

type Step = Told | Asked | Peers;

/** @returns what is found in a trace of one connection, a millisecond a step */
function found(...steps: readonly Step[]): string[] {
  const rules = new EventRules();
  const complaints = steps.map((step, nowMs) => rules.event({ ...step, conn: 1, nowMs }));
  return complaints.filter((each) => each !== undefined);
}

const accept: Step = { what: 'accept' };
const received: Step = { what: 'receive', bytes: 5 };
const peerEnd: Step = { what: 'peer-end' };
const closed: Step = { what: 'closed', reason: 'done' };
const close: Step = { what: 'close', reason: 'done' };
const fin: Step = { what: 'peer-fin' };
const sent = (bytes: number): Step => ({ what: 'peer-sent', bytes });

test('a trace in which all is right passes, with all that may happen', () => {
  const trace: Step[] = [
    ...[accept, sent(15), received, { what: 'set-deadline', atMs: 8 } as const, received],
    ...[{ what: 'commit', bytes: 9 } as const, { what: 'pause' } as const, { what: 'drained' } as const, fin],
    ...[{ what: 'deadline' } as const, { what: 'peer-end-seen' } as const, { what: 'resume' } as const],
    ...[received, peerEnd, { what: 'shutdown' } as const, close, closed],
  ];
  assert.deepEqual(found(...trace), []);
  assert.deepEqual(found(accept, { what: 'reset', reason: 'done' }, closed), []);
  assert.deepEqual(found(accept, close, { what: 'closed', reason: 'peer-reset' }), []);
  assert.deepEqual(found({ what: 'make' }, { what: 'closed', reason: 'connect-failed' }), []);
  assert.deepEqual(found({ what: 'make' }, { what: 'connect' }, received, close, closed), []);
});

/** One fault each, and what is said of it. */
const PLANTED: readonly (readonly [fault: string, complaint: RegExp, trace: readonly Step[]])[] = [
  ['accepted twice', /^accept: a second time/, [accept, accept]],
  ['bytes before accept', /^receive: before accept/, [received]],
  ['closed twice', /^closed: after closed/, [accept, close, closed, closed]],
  ['bytes after closed', /^receive: after closed/, [accept, close, closed, received]],
  ['a deadline after closed', /^deadline: after closed/, [accept, close, closed, { what: 'deadline' }]],
  ['bytes before it stands', /^receive: before it stands/, [{ what: 'make' }, received]],
  ['made twice', /^connect: .*twice/, [{ what: 'make' }, { what: 'connect' }, { what: 'connect' }]],
  ['connected though accepted', /^connect: of none that was made/, [accept, { what: 'connect' }]],
  [
    'not made, yet it stood',
    /^closed: connect-failed, yet it stood/,
    [{ what: 'make' }, { what: 'connect' }, { what: 'closed', reason: 'connect-failed' }],
  ],
  ['bytes after FIN', /^receive: after the end/, [accept, peerEnd, received]],
  ['FIN twice', /^peer-end: a second time/, [accept, peerEnd, peerEnd]],
  ['no bytes', /^receive: no bytes/, [accept, { what: 'receive', bytes: 0 }]],
  ['a byte too many', /^receive: 5 bytes of 4/, [accept, sent(4), received]],
  ['a byte that is lost', /^peer-end: after 5 of 6 bytes/, [accept, sent(6), fin, received, peerEnd]],
  ['FIN that nobody sent', /^peer-end: and the peer has sent none/, [accept, sent(5), received, peerEnd]],
  ['bytes in a pause', /^receive: while reading is paused/, [accept, { what: 'pause' }, received]],
  ['FIN in a pause', /^peer-end: while reading is paused/, [accept, { what: 'pause' }, peerEnd]],
  ['FIN is seen while reading', /^peer-end-seen: and reading goes on/, [accept, { what: 'peer-end-seen' }]],
  [
    'FIN is seen twice',
    /^peer-end-seen: a second time/,
    [accept, { what: 'pause' }, { what: 'peer-end-seen' }, { what: 'peer-end-seen' }],
  ],
  [
    'FIN is seen after it was read',
    /^peer-end-seen: after the end was read/,
    [accept, peerEnd, { what: 'pause' }, { what: 'peer-end-seen' }],
  ],
  ['bytes after close', /^receive: after an end was asked for/, [accept, close, received]],
  ['FIN after close', /^peer-end: after an end was asked for/, [accept, close, peerEnd]],
  [
    'drained after close',
    /^drained: after an end was asked for/,
    [accept, { what: 'commit', bytes: 1 }, close, { what: 'drained' }],
  ],
  ['drained of nothing', /^drained: and nothing was written since/, [accept, { what: 'drained' }]],
  [
    'drained twice',
    /^drained: and nothing was written since/,
    [accept, { what: 'commit', bytes: 1 }, { what: 'drained' }, { what: 'drained' }],
  ],
  ['a deadline that is not set', /^deadline: and none is set/, [accept, { what: 'deadline' }]],
  [
    'a deadline that is early',
    /^deadline: 8 ms early/,
    [accept, { what: 'set-deadline', atMs: 10 }, { what: 'deadline' }],
  ],
  [
    'a deadline that was cleared',
    /^deadline: and none is set/,
    [
      accept,
      { what: 'set-deadline', atMs: 1 },
      { what: 'set-deadline', atMs: Number.POSITIVE_INFINITY },
      { what: 'deadline' },
    ],
  ],
  [
    'a deadline that comes twice',
    /^deadline: and none is set/,
    [accept, { what: 'set-deadline', atMs: 1 }, { what: 'deadline' }, { what: 'deadline' }],
  ],
  ['an end for which nobody asked', /^closed: by done, for which nobody asked/, [accept, closed]],
  [
    'an end by another reason',
    /^closed: by other, for which nobody asked/,
    [accept, close, { what: 'closed', reason: 'other' }],
  ],
];

for (const [fault, complaint, trace] of PLANTED)
  test(`it is found: ${fault}`, () => {
    const complaints = found(...trace);
    assert.equal(complaints.length, 1, complaints.join());
    assert.match(complaints[0]!, complaint);
  });
