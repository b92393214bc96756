/**
 * Each option that bounds what an HTTP/2 client may cost, set low and attacked: what it allows is answered, the next frame is
 * not, with the right code, and is counted under the option's name. By default none of it is too much.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type LimitOptions, type Server, serve, type TimeoutOptions } from '#src/index.ts';
import { type CostBound, ENHANCE_YOUR_CALM, REFUSED_STREAM } from '#src/protocol/h2/error-codes.ts';
import * as frame from '#src/protocol/h2/frames.ts';
import {
  blockOf,
  dataOf,
  type Fields,
  frameOf,
  headersOf,
  joined,
  PING,
  resetOf,
  settingsOf,
  uint32,
  windowUpdateOf,
} from '#src/protocol/h2/server/core.fixture.ts';
import { CliProcess, endsWell } from './cli-run.ts';
import { framesIn, goAwayCode, openRawH2, requestOf, resetCode } from './h2-raw-client.ts';
import { quiet } from './quiet-logger.ts';
import type { RawClient } from './raw-client.ts';
import { until } from './until.ts';

interface Case {
  readonly limits?: LimitOptions;
  readonly timeouts?: TimeoutOptions;
  /** So much is allowed, and one more is not. */
  readonly allowed: number;
  /** `count` times what is bounded. */
  readonly attack: (count: number) => Uint8Array;
  readonly settings?: readonly number[];
  readonly fault: string;
  /** A stream is refused or reset, and the connection goes on. */
  readonly endsStream?: boolean;
  /** @default ENHANCE_YOUR_CALM */
  readonly code?: number;
  /** How a client sees that it is served: by default by an answer. */
  readonly isServedBy?: 'answer' | 'ping';
}

const NEVER = requestOf('GET', '/never');
const UPLOAD = headersOf(1, requestOf('POST', '/never'), false);
const PROBE_ID = 9001;
const STALL_MS = 300;
const CLOSED_WINDOWS = [frame.SETTINGS_INITIAL_WINDOW_SIZE, 0];
const idOf = (n: number): number => 2 * n + 1;
const times = (count: number, make: (n: number) => Uint8Array): Uint8Array =>
  joined(...Array.from({ length: count }, (_, n) => make(n)));
const few = (burst: number) => ({ burst, perSecond: 0 });
const large = (path: string, bytes: number): Fields => [
  ...requestOf('GET', path),
  ['x-a', 'a'.repeat(bytes)],
];
/** A head whose block goes on in so many frames. */
const continued = (count: number): Uint8Array =>
  joined(
    frameOf(frame.FRAME_HEADERS, frame.FLAG_END_STREAM, 1, blockOf(NEVER)),
    times(count - 1, () => frameOf(frame.FRAME_CONTINUATION, 0, 1)),
    frameOf(frame.FRAME_CONTINUATION, frame.FLAG_END_HEADERS, 1),
  );

const CASES: Readonly<Record<CostBound, Case>> = {
  concurrentStreams: {
    limits: { http2: { concurrentStreams: 2 } },
    allowed: 2,
    attack: (count) => times(count, (n) => headersOf(idOf(n), NEVER)),
    fault: 'h2-refused',
    endsStream: true,
    code: REFUSED_STREAM,
    isServedBy: 'ping',
  },
  headerBytes: {
    limits: { headerBytes: 500 },
    // What is four times too large is no mishap.
    allowed: 1,
    attack: (count) => headersOf(1, large('/never', count === 1 ? 1500 : 2500)),
    fault: 'h2-field-bomb',
  },
  openHeaderBytes: {
    limits: { http2: { openHeaderBytes: 2000 } },
    allowed: 1,
    attack: (count) => times(count, (n) => headersOf(idOf(n), large('/never', 1200))),
    fault: 'h2-open-heads-too-large',
    endsStream: true,
    code: REFUSED_STREAM,
  },
  continuations: {
    limits: { http2: { continuations: 3 } },
    allowed: 3,
    attack: continued,
    fault: 'h2-continuation-flood',
  },
  resets: {
    limits: { http2: { resets: few(5) } },
    allowed: 5,
    attack: (count) => times(count, (n) => joined(headersOf(idOf(n), NEVER), resetOf(idOf(n)))),
    fault: 'h2-reset-flood',
  },
  settings: {
    limits: { http2: { settings: few(4) } },
    // Every client begins with one.
    allowed: 3,
    attack: (count) => times(count, () => settingsOf(frame.SETTINGS_HEADER_TABLE_SIZE, 4096)),
    fault: 'h2-settings-flood',
  },
  pings: {
    limits: { http2: { pings: few(3) } },
    allowed: 3,
    attack: (count) => times(count, () => PING),
    fault: 'h2-ping-flood',
  },
  priorities: {
    limits: { http2: { priorities: few(3) } },
    allowed: 3,
    attack: (count) =>
      times(count, (n) => frameOf(frame.FRAME_PRIORITY, 0, idOf(n), joined(uint32(0), Uint8Array.of(1)))),
    fault: 'h2-priority-flood',
  },
  windowUpdates: {
    limits: { http2: { windowUpdates: few(3) } },
    allowed: 3,
    attack: (count) => times(count, () => windowUpdateOf(0, 1)),
    fault: 'h2-window-update-flood',
  },
  strayFrames: {
    limits: { http2: { strayFrames: few(3) } },
    allowed: 3,
    attack: (count) => times(count, () => frameOf(0x99, 0, 0)),
    fault: 'h2-stray-frame-flood',
  },
  emptyData: {
    limits: { http2: { emptyData: few(3) } },
    allowed: 3,
    attack: (count) =>
      joined(
        UPLOAD,
        times(count, () => dataOf(1, 0)),
      ),
    fault: 'h2-empty-data-flood',
  },
  unreadTinyData: {
    limits: { http2: { unreadTinyData: 3 } },
    // Nothing waits before the first.
    allowed: 4,
    attack: (count) =>
      joined(
        UPLOAD,
        times(count, () => dataOf(1, 1)),
      ),
    fault: 'h2-tiny-data-flood',
  },
  stall: {
    timeouts: { stall: STALL_MS },
    allowed: 0,
    settings: CLOSED_WINDOWS,
    attack: (count) => times(count, (n) => headersOf(idOf(n), requestOf('GET', '/'))),
    fault: 'h2-stalled',
    endsStream: true,
  },
  stalledAnswers: {
    limits: { http2: { stalledAnswers: 2 } },
    timeouts: { stall: STALL_MS },
    allowed: 2,
    settings: CLOSED_WINDOWS,
    attack: (count) => times(count, (n) => headersOf(idOf(n), requestOf('GET', '/'))),
    fault: 'h2-stall-flood',
  },
};

const handler = async (request: Request): Promise<Response> => {
  if (request.url.endsWith('/never')) await new Promise(() => {});
  return new Response('fine');
};

let usual: Server;
before(async () => {
  usual = await serve({ port: 0, logger: quiet, fetch: handler });
});
after(() => usual.close(true));

/** The client is answered, behind all that it has sent before. */
async function isServed(client: RawClient, by: Case['isServedBy']): Promise<void> {
  if (by === 'ping') client.write(PING);
  else client.write(headersOf(PROBE_ID, requestOf('GET', '/')));
  const isAnswered = ({ received }: RawClient): boolean =>
    by === 'ping'
      ? framesIn(received, frame.FRAME_PING).length > 0
      : framesIn(received, frame.FRAME_HEADERS).some(({ id }) => id === PROBE_ID);
  await client.until((each) => isAnswered(each) || each.ended || each.closed, 'an answer');
  assert.ok(isAnswered(client), `GOAWAY said ${goAwayCode(client)}`);
}

for (const [bound, each] of Object.entries(CASES) as [CostBound, Case][]) {
  const { attack, allowed, settings, isServedBy, code = ENHANCE_YOUR_CALM } = each;

  test(`${bound}: what is allowed is served, what goes beyond is ended and counted`, async (t) => {
    const { limits = {}, timeouts = {} } = each;
    const server = await serve({ port: 0, logger: quiet, limits, timeouts, fetch: handler });
    t.after(() => server.close(true));

    const within = await openRawH2(server.port, settings);
    t.after(() => within.destroy());
    within.write(attack(allowed));
    await isServed(within, isServedBy);
    assert.equal((await server.stats()).faults[each.fault], undefined);
    // Its answers may wait behind its windows, and would be counted too.
    within.reset();

    const beyond = await openRawH2(server.port, settings);
    t.after(() => beyond.destroy());
    beyond.write(attack(allowed + 1));
    const seen = each.endsStream === true ? resetCode : goAwayCode;
    await beyond.until((client) => seen(client) !== undefined || client.ended || client.closed, 'the end');
    assert.equal(seen(beyond), code);
    if (each.endsStream === true) assert.equal(beyond.ended, false);
    else await beyond.until((client) => client.ended || client.closed, 'the end of the connection');
    const { faults, http2Limits, deadlines } = await server.stats();
    assert.equal(faults[each.fault], 1);
    assert.equal(http2Limits[bound], 1);
    if (bound === 'stall') assert.equal(deadlines.stall, 1);
  });

  test(`${bound}: by default that is not too much`, async (t) => {
    const client = await openRawH2(usual.port, settings);
    t.after(() => client.destroy());
    client.write(attack(allowed + 1));
    await isServed(client, isServedBy);
    assert.equal(resetCode(client), undefined);
  });
}

test('perSecond fills an allowance up again', async (t) => {
  const limits: LimitOptions = { http2: { pings: { burst: 2, perSecond: 100 } } };
  const server = await serve({ port: 0, logger: quiet, limits, fetch: handler });
  t.after(() => server.close(true));
  const client = await openRawH2(server.port);
  t.after(() => client.destroy());
  for (let n = 0; n < 6; n++) {
    client.write(PING);
    // Twice the time that one takes to come back.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await isServed(client, 'answer');
});

test('Infinity is off', async (t) => {
  const limits: LimitOptions = { http2: { pings: { burst: Number.POSITIVE_INFINITY } } };
  const server = await serve({ port: 0, logger: quiet, limits, fetch: handler });
  t.after(() => server.close(true));
  const client = await openRawH2(server.port);
  t.after(() => client.destroy());
  client.write(times(5000, () => PING));
  await isServed(client, 'answer');
});

/** What our SETTINGS say of concurrent streams. */
async function streamsTold(port: number): Promise<number> {
  const client = await openRawH2(port);
  await client.until(({ received }) => framesIn(received, frame.FRAME_SETTINGS).length > 0, 'SETTINGS');
  const { payload } = framesIn(client.received, frame.FRAME_SETTINGS)[0]!;
  client.destroy();
  for (let at = 0; at < payload.length; at += frame.SETTING_BYTES)
    if (payload.readUInt16BE(at) === frame.SETTINGS_MAX_CONCURRENT_STREAMS)
      return payload.readUInt32BE(at + 2);
  return assert.fail('nothing is said');
}

test('workers have the limits too, and /metrics counts over all of them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-h2-limits-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const module = join(folder, 'app.mjs');
  writeFileSync(module, `export default () => new Response('fine');`);
  const limits: LimitOptions = { http2: { concurrentStreams: 3, pings: few(3) } };
  const server = await serve({ port: 0, module, workers: 2, admin: 0, logger: quiet, limits });
  t.after(() => server.close(true));
  assert.equal(await streamsTold(server.port), 3);
  for (let n = 0; n < 5; n++) {
    const client = await openRawH2(server.port);
    client.write(times(4, () => PING));
    await client.until((each) => each.ended || each.closed, 'the end');
    assert.equal(goAwayCode(client), ENHANCE_YOUR_CALM);
    client.destroy();
  }
  await until(async () => (await server.stats()).http2Limits.pings === 5, 'the count');
  const text = await (await fetch(`${server.admin!.url}/metrics`)).text();
  assert.match(text, /^holdfast_http2_limits_total\{limit="pings"\} 5$/m);
  assert.match(text, /^holdfast_http2_limits_total\{limit="resets"\} 0$/m);
});

test('--max-concurrent-streams says how many streams clients may open', async (t) => {
  assert.equal(await streamsTold(usual.port), 128);
  const cli = new CliProcess(t, [
    'serve',
    'examples/site',
    '-p',
    '0',
    '-w',
    '1',
    '--max-concurrent-streams',
    '7',
  ]);
  const { url } = await cli.ready();
  assert.equal(await streamsTold(Number(new URL(url!).port)), 7);
  cli.child.kill('SIGTERM');
  await endsWell(cli);
});
