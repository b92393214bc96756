/**
 * When a server may answer in a handler's place, reset a stream, or end a connection of HTTP/2: what RFC 9113 and
 * docs/http2.md say, asked at the moment at which it does. Every function returns what is wrong, if anything is.
 */
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  ERROR_CODE_NAMES,
  HTTP2_FAULTS,
  INTERNAL_ERROR,
  NO_ERROR,
  REFUSED_STREAM,
  SETTINGS_TIMEOUT,
} from '../../protocol/h2/error-codes.ts';
import type { H2Settings } from '../../protocol/h2/server/server-settings.ts';
import { answerComplaint } from '../answer-rules.ts';
import { isTruncated, throws } from '../expected-answer.ts';
import type { World } from '../world.ts';
import type { ResetBudget } from './reset-budget.ts';
import type { Flood, Offence } from './sent-frames.ts';
import type { StreamModel } from './stream-model.ts';

/** What a few answers earn, and each DATA frame at most. */
const FLOOD_SLACK = 100;
const FLOOD_EARNED_BY_DATA = 4;

/** What the rules need to know of a connection. */
export interface H2Facts {
  readonly world: World;
  readonly bounds: Omit<H2Settings, 'textOf'>;
  readonly offences: readonly Offence[];
  readonly deliveredBytes: number;
  readonly isPeerEnded: boolean;
  /** Neither window of the connection lets anybody write. */
  readonly connectionWindow: number;
  /** Streams that may be open for the server, and handlers that go on behind a reset. */
  readonly takenPlaces: number;
  readonly stalledResets: number;
  readonly settingsDueMs: number;
  readonly frameDueMs: number;
  readonly flood: Flood | undefined;
  /** Frames of the flood that have come, and when the first did. */
  readonly floodCount: number;
  readonly floodSinceMs: number;
  /** DATA frames that the server has written. */
  readonly dataFrames: number;
  readonly resets: ResetBudget;
  deadlineComplaint(dueMs: number): string | undefined;
}

/** A final head. */
export function answerHeadComplaint(
  it: H2Facts,
  stream: StreamModel,
  status: number,
  id: string | undefined,
): string | undefined {
  const { plan, record } = stream;
  if (id !== undefined) return answerComplaint(record, id, status);
  if (plan.refusal === status)
    return record === undefined ? undefined : 'it is refused, and has been handed over';
  const limit = it.world.settings.limits.bodyBytesMax;
  if (status === 413 && stream.contentBytes > limit) return undefined;
  if (record === undefined) return 'the handler was not called';
  if (status === 500 && throws(plan)) return undefined;
  if (status === 503) return it.deadlineComplaint(record.handlerDueMs);
  if (status === 408) return it.deadlineComplaint(record.bodyDueMs);
  return 'nothing calls for it';
}

/** RST_STREAM of the server's on a stream that is open. */
export function resetComplaint(it: H2Facts, stream: StreamModel, errorCode: number): string | undefined {
  if (it.offences.some((each) => isShown(it, each, stream.id, errorCode))) return undefined;
  const { record, plan } = stream;
  const { nowMs, settings } = it.world;
  switch (errorCode) {
    case NO_ERROR:
      if (!stream.isAnswered) return 'its answer is not whole';
      if (stream.isWhole) return 'its request is whole';
      return stream.credit <= 0 || isMoreThanWindow(stream)
        ? undefined
        : it.deadlineComplaint(stream.answeredMs + it.bounds.lingerTimeoutMs);
    case INTERNAL_ERROR: {
      if (record === undefined || !record.isAnswered || record.isFinished) return 'no answer is under way';
      if (isTruncated(plan)) return undefined;
      // An echo fails with the body that it echoes.
      if (plan.kind !== 'echo-stream') return 'the handler did not fail';
      if (stream.contentBytes > settings.limits.bodyBytesMax) return undefined;
      const touchedMs = record.bodyTouchedMs === nowMs ? record.bodyTouchedBeforeMs : record.bodyTouchedMs;
      return nowMs < touchedMs + record.bodyMs ? 'the body did not fail' : undefined;
    }
    case CANCEL:
      if (it.isPeerEnded && !stream.isWhole) return undefined;
      if (record === undefined || record.peerEnd === 'none') return 'the client has not sent FIN';
      if (!record.isAnswered) return 'it is not answered';
      return nowMs < stream.touchedMs + settings.timeouts.lingerMs ? 'it was not quiet for long' : undefined;
    case ENHANCE_YOUR_CALM:
      return stallComplaint(it, stream);
    case REFUSED_STREAM:
      if (record !== undefined) return 'it has been handed over';
      return it.takenPlaces > it.bounds.streamCountMax ? undefined : `${it.takenPlaces - 1} places are taken`;
    default:
      return 'nothing calls for it';
  }
}

/** What is left of the request is more than the client may send. */
function isMoreThanWindow({ request, plan, contentBefore, credit }: StreamModel): boolean {
  const length = request.wrongLength ?? plan.bodyBytes;
  return request.namesLength && length - contentBefore > credit;
}

function stallComplaint(it: H2Facts, stream: StreamModel): string | undefined {
  if (stream.status === 0 || stream.isAnswered) return 'no answer is under way';
  if (stream.sentBytes >= it.bounds.stallBytes) return 'much of it has gone out';
  if (stream.window > 0 && it.connectionWindow > 0) return 'both windows are open';
  return it.world.nowMs < stream.headMs + it.bounds.stallTimeoutMs ? 'too early' : undefined;
}

/** GOAWAY with an error. */
export function goAwayComplaint(it: H2Facts, errorCode: number): string | undefined {
  if (it.offences.some((each) => isShown(it, each, 0, errorCode))) return undefined;
  if (errorCode === SETTINGS_TIMEOUT) return it.deadlineComplaint(it.settingsDueMs);
  if (errorCode !== ENHANCE_YOUR_CALM) return 'nothing calls for it';
  if (it.stalledResets >= it.bounds.bounds.stalledAnswersMax) return undefined;
  if (it.flood !== undefined && it.floodCount > it.flood.burst) return undefined;
  if (it.resets.mayBeSpent) return undefined;
  return it.deadlineComplaint(it.frameDueMs);
}

function isShown(it: H2Facts, offence: Offence, streamId: number, errorCode: number): boolean {
  return (
    offence.streamId === streamId && offence.errorCode === errorCode && it.deliveredBytes >= offence.fromBytes
  );
}

/** A flood must have been ended: nothing that it may have earned beside is more than that. */
export function isFloodOver(it: H2Facts): boolean {
  if (it.flood === undefined || it.floodCount <= it.flood.burst) return false;
  const earned =
    (it.flood.perSecond * (it.world.nowMs - it.floodSinceMs)) / 1000 + FLOOD_EARNED_BY_DATA * it.dataFrames;
  return it.floodCount > it.flood.burst + earned + FLOOD_SLACK;
}

/** An answer that has not begun to move, by a window that is shut, is ended: so much later at most. */
export function stallLimitMs(it: H2Facts): number {
  return 2 * it.bounds.stallTimeoutMs + 1000;
}

/** The reason that the server counts for a connection that ended by GOAWAY. */
export function countedAfterGoAway(
  errorCode: number,
  { wasIdle, mayBeIdle }: { readonly wasIdle: boolean; readonly mayBeIdle: boolean },
  counted: string,
): string | undefined {
  if (errorCode === NO_ERROR) {
    if (mayBeIdle && counted === 'idle-timeout') return undefined;
    const wanted = wasIdle ? 'idle-timeout' : 'drained';
    return counted === wanted ? undefined : `its end is counted as ${counted}, not ${wanted}`;
  }
  const fault = HTTP2_FAULTS.find(({ code }) => code === counted);
  return fault?.errorCode === errorCode ? undefined : `${codeName(errorCode)} is counted as ${counted}`;
}

export function codeName(errorCode: number): string {
  return ERROR_CODE_NAMES[errorCode] ?? String(errorCode);
}
