import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './run.ts';
import { CLIENT_KINDS, H2_CLIENT_KINDS, HANDLER_KINDS, type Swarm, WEBSOCKET_CLIENT_KINDS } from './swarm.ts';
import { addTotals, noTotals } from './totals.ts';

const SMOKE_SEEDS = 500;
const NARROW_SEEDS = 60;

test('the server keeps its promises in many simulated worlds, and these exercise what they say', async () => {
  const totals = noTotals();
  for (let seed = 1; seed <= SMOKE_SEEDS; seed++) {
    const report = await runSeed(seed);
    addTotals(totals, report.totals);
    assert.deepEqual(report.findings, [], `replay: node dist/simulate/main.js --seed ${seed} --trace`);
  }
  assert.equal(totals.seeds, SMOKE_SEEDS);
  for (const kind of [...CLIENT_KINDS, ...H2_CLIENT_KINDS, ...WEBSOCKET_CLIENT_KINDS])
    assert.ok((totals.clients[kind] ?? 0) > 0, `no client is a ${kind}`);
  for (const kind of HANDLER_KINDS)
    assert.ok((totals.handlers[kind] ?? 0) > 0, `no handler is of the kind ${kind}`);
  for (const [fault, count] of Object.entries(totals.injected))
    assert.ok(count > 0, `no ${fault} were put in`);
  const reasons = [
    'answered',
    'client-closed',
    'header-timeout',
    'idle-timeout',
    'body-timeout',
    'handler-timeout',
  ];
  reasons.push(
    'peer-reset',
    'peer-dead',
    'response-failed',
    'body-too-large',
    'drained',
    'client-closed-in-head',
  );
  for (const reason of reasons)
    assert.ok((totals.closes[reason] ?? 0) > 0, `no connection ended as ${reason}`);
  for (const status of [100, 101, 200, 204, 304, 400, 408, 413, 431, 500, 503]) {
    assert.ok((totals.statuses[status] ?? 0) > 0, `nothing was answered with ${status}`);
  }
  const resets = [
    'NO_ERROR',
    'PROTOCOL_ERROR',
    'INTERNAL_ERROR',
    'FLOW_CONTROL_ERROR',
    'REFUSED_STREAM',
    'CANCEL',
  ];
  for (const code of [...resets, 'ENHANCE_YOUR_CALM'])
    assert.ok((totals.h2Resets[code] ?? 0) > 0, `no stream was reset with ${code}`);
  for (const code of [
    'NO_ERROR',
    'PROTOCOL_ERROR',
    'SETTINGS_TIMEOUT',
    'FRAME_SIZE_ERROR',
    'ENHANCE_YOUR_CALM',
  ])
    assert.ok((totals.h2GoAways[code] ?? 0) > 0, `no connection ended with ${code}`);
});

test('a seed replays, event for event', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const [first, second]: [string[], string[]] = [[], []];
    const one = await runSeed(seed, { trace: (line) => first.push(line) });
    await runSeed(seed, { trace: (line) => second.push(line) });
    assert.deepEqual(second, first, `seed ${seed}`);
    const untraced = await runSeed(seed);
    assert.deepEqual(untraced.totals, one.totals, `seed ${seed}: tracing changes the run`);
  }
});

function withHttp2({ settings }: Swarm, h2: NonNullable<Swarm['settings']['h2']>): Swarm['settings'] {
  return { ...settings, http2: true, h2: { ...settings.h2, ...h2 } };
}

/** Worlds of few kinds, in which a bug was found that is rare where everything happens. */
const NARROW: Readonly<Record<string, (swarm: Swarm) => Partial<Swarm>>> = {
  'a flood of pipelined requests from a slow reader makes nobody hold all its answers': () => ({
    clientKinds: ['flood'],
  }),
  'no 100 comes behind the head of an answer that streams the body it asks for': () => ({
    clientKinds: ['continuer'],
    handlerKinds: ['echo-stream'],
  }),
  'a drain ends connections whose answer had promised that they go on': () => ({
    clientKinds: ['keep-alive', 'slow-reader', 'drip-behind'],
    handlerKinds: ['slow-stream', 'stream'],
    drainAtMs: 30,
  }),
  'a stream is given up after FIN when it has been quiet for its time, and not before': () => ({
    clientKinds: ['half-closer'],
    clientCount: 6,
  }),
  'an answer that only the end of the connection ends is not cut off by FIN': () => ({
    clientKinds: ['quitter'],
    handlerKinds: ['slow-stream', 'stream'],
    clientCount: 6,
  }),
  'peers that vanish give their slots back, whatever is outstanding': () => ({ clientKinds: ['vanisher'] }),
  'streams of HTTP/2 whose client has sent FIN are answered, or given up when they are quiet': (swarm) => ({
    clientKinds: ['h2-half-closer'],
    settings: withHttp2(swarm, { unsentBytesMax: 8192 }),
  }),
  'windows of HTTP/2 are kept to while settings change them, and given back while bodies come': (swarm) => ({
    clientKinds: ['h2-windows', 'h2-uploads'],
    settings: withHttp2(swarm, { connectionWindowBytes: 65_535, growthBytes: 0 }),
  }),
  'whoever floods, stalls or begins frames without an end is ended': (swarm) => ({
    clientKinds: [
      'h2-flood',
      'h2-zero-window',
      'h2-slowloris',
      'h2-endless-block',
      'h2-offender',
      'h2-silent',
    ],
    clientCount: 2,
    settings: withHttp2(swarm, {}),
  }),
  'who comes beyond a limit is refused, and who leaves makes room': ({ settings }) => ({
    clientCount: 6,
    settings: { ...settings, limits: { ...settings.limits, connectionsMax: 2 } },
  }),
};

for (const [promise, narrow] of Object.entries(NARROW)) {
  test(promise, async () => {
    for (let seed = 1; seed <= NARROW_SEEDS; seed++) {
      const adjust = (swarm: Swarm): Swarm => ({ ...swarm, ...narrow(swarm) });
      const { findings } = await runSeed(seed, { adjust });
      assert.deepEqual(findings, [], `seed ${seed} of this narrow world`);
    }
  });
}

test('other seeds are other worlds', async () => {
  const [one, two] = [await runSeed(1), await runSeed(2)];
  assert.notDeepEqual(one.totals, two.totals);
});
