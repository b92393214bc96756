/**
 * How clients of HTTP/2 have requests reset, one after the other: by RST_STREAM, or by a fault that makes the server do it
 * (CVE-2023-44487, CVE-2025-8671). Players and pages that are left cancel like that too, at an honest pace.
 */
import type { SeededRandom } from '../../base/random.ts';
import { FLOW_CONTROL_ERROR, PROTOCOL_ERROR, STREAM_CLOSED } from '../../protocol/h2/error-codes.ts';
import * as frame from '../../protocol/h2/frames.ts';
import type { Allowance } from '../../protocol/h2/server/server-settings.ts';
import type { H2Request } from './request.ts';
import type { SentFrames } from './sent-frames.ts';

const FORMS = ['cancel', 'empty-update', 'overflow', 'behind-end'] as const;
type ResetForm = (typeof FORMS)[number];

export interface ResetStep {
  readonly type: 'have-reset';
  readonly form: ResetForm;
  /** One after the other, and from the beginning. They have no content. */
  readonly requests: readonly H2Request[];
  readonly count: number;
  readonly wave: number;
  readonly gapMs: number;
  /** A request has that long before it is reset. */
  readonly afterMs: number;
}

type Schedule = Omit<ResetStep, 'type' | 'requests'>;

/** Requests of one attack: where more are allowed, it is none. */
const ATTACK_MAX = 300;

/** It has more reset than answers can earn, where the bound is small. */
export function attack(random: SeededRandom, resets: Allowance): Schedule {
  const wave = random.pick([3, 10, 50]);
  const gapMs = random.pick([0, 0, 5]);
  const seconds = (gapMs * 2 * resets.burst) / wave / 1000;
  return {
    form: random.pick(FORMS),
    count: Math.min(ATTACK_MAX, 2 * resets.burst + Math.ceil(resets.perSecond * seconds) + 50),
    wave,
    gapMs,
    afterMs: 0,
  };
}

/** Cancels as many as are allowed at once, or keeps to the pace that is allowed. */
export function honestCancels(random: SeededRandom, resets: Allowance): Schedule {
  const form = 'cancel';
  const afterMs = random.pick([0, 1, 30]);
  // A request that is answered and cancelled at once counts twice.
  if (random.chance(0.5)) {
    const count = Math.min(100, resets.burst >> 1);
    return { form, count, wave: count, gapMs: 0, afterMs };
  }
  return { form, count: Math.min(100, 2 * resets.burst), wave: 1, gapMs: 2050 / resets.perSecond, afterMs };
}

/** Makes the server reset a stream whose request has no content and is whole. */
export function provoke(sent: SentFrames, form: Exclude<ResetForm, 'cancel'>, streamId: number): void {
  const from = sent.length;
  switch (form) {
    case 'empty-update':
      sent.raw('other', frame.FRAME_WINDOW_UPDATE, 0, streamId, new Uint8Array(4));
      sent.offends(PROTOCOL_ERROR, streamId, from);
      return;
    case 'overflow':
      sent.raw('other', frame.FRAME_WINDOW_UPDATE, 0, streamId, Uint8Array.of(0x7f, 0xff, 0xff, 0xff));
      sent.offends(FLOW_CONTROL_ERROR, streamId, from);
      return;
    case 'behind-end':
      sent.raw('other', frame.FRAME_DATA, 0, streamId, new Uint8Array(1));
      sent.offends(STREAM_CLOSED, streamId, from);
      // Where it was answered before, that is the connection's fault. RFC 9113 §5.1
      sent.offences.push({
        streamId: 0,
        errorCode: STREAM_CLOSED,
        fromBytes: from + 1,
        atBytes: Number.POSITIVE_INFINITY,
      });
  }
}
