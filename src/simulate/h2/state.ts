/**
 * What the oracle of an HTTP/2 connection knows: its streams, the windows of both sides, what each side owes the other. The
 * parts of the oracle share it: client-frames.ts writes what has come, server-frames.ts what goes out.
 */
import type { SimConnection } from '../../engine/sim/connection.ts';
import { DEFAULT_WINDOW_BYTES } from '../../protocol/h2/frames.ts';
import { DEFAULT_H2_SETTINGS, type H2Settings } from '../../protocol/h2/server/server-settings.ts';
import { ExchangeRecord } from '../exchange-record.ts';
import type { RequestPlan } from '../request-plan.ts';
import type { World } from '../world.ts';
import type { H2Request } from './request.ts';
import { ResetBudget } from './reset-budget.ts';
import type { H2Facts } from './rules.ts';
import type { Flood, Offence, SentFrames } from './sent-frames.ts';
import { type StreamEnd, StreamModel } from './stream-model.ts';

export const NEVER = Number.POSITIVE_INFINITY;

export class H2State implements H2Facts {
  readonly world: World;
  readonly conn: SimConnection;
  readonly sent: SentFrames;
  readonly bounds: Omit<H2Settings, 'textOf'>;
  readonly streams = new Map<number, StreamModel>();
  /** The server speaks HTTP/2: since then. */
  switchedMs = NEVER;
  deliveredBytes = 0;
  /** `delivering` calls are counted: what comes in one may be read in any part of it. */
  receiveNumber = 0;
  /** The server is reading what it was handed. */
  isReceiving = false;
  isPeerEnded = false;
  /** FIN has come, be it behind bytes that the server does not read yet. */
  isPeerLeaving = false;
  // What the server may send.
  connectionWindow = DEFAULT_WINDOW_BYTES;
  /** When content was written last, of any stream: others wait for their turn. */
  dataMs = 0;
  /** What streams begin with, by the last SETTINGS that the server has acknowledged. */
  initialWindow = DEFAULT_WINDOW_BYTES;
  readonly unacknowledged: (readonly number[])[] = [];
  readonly unansweredPings: number[] = [];
  // What the client may send.
  credit = DEFAULT_WINDOW_BYTES;
  /** What of a DATA frame has not come: it counts for the windows, and nobody can have read it. */
  restOfData = 0;
  isAgreed = false;
  pongs = 0;
  settingsDueMs = NEVER;
  frameDueMs = NEVER;
  /** Requests that were read, those that were refused by status included. */
  requests = 0;
  stalledResets = 0;
  /** Answers that were written whole. */
  answers = 0;
  readonly resets: ResetBudget;
  floodCount = 0;
  dataFrames = 0;
  floodSinceMs = NEVER;
  // How it ends.
  /** When the server was asked to drain, and when it has begun to. */
  drainAskedMs = NEVER;
  /** How long it may be idle, if it was when it was asked. */
  drainGraceMs = NEVER;
  drainStartedMs = NEVER;
  drainDueMs = NEVER;
  /** It was idle too long. */
  wasIdle = false;
  /** It was, while it drained for another reason. */
  mayBeIdle = false;
  lastStreamId = NEVER;
  /** The code of the GOAWAY by which it ends; undefined while it goes on. */
  endCode: number | undefined = undefined;
  /** When its last stream was over. */
  idleSinceMs = NEVER;
  isOver = false;
  /** A request was read since it was idle: those that are reset at once move no deadline. */
  hasBegun = true;
  #idleBeforeMs = NEVER;
  readonly #name: string;

  constructor(world: World, conn: SimConnection, name: string, sent: SentFrames) {
    const { headerMs, lingerMs, stallMs } = world.settings.timeouts;
    this.world = world;
    this.conn = conn;
    this.sent = sent;
    this.#name = name;
    this.bounds = {
      ...DEFAULT_H2_SETTINGS,
      ...world.settings.limits.http2,
      ...world.settings.h2,
      settingsTimeoutMs: headerMs,
      frameTimeoutMs: headerMs,
      lingerTimeoutMs: lingerMs,
      stallTimeoutMs: stallMs,
    };
    this.resets = new ResetBudget(this.bounds.bounds);
  }

  get offences(): readonly Offence[] {
    return this.sent.offences;
  }

  get flood(): Flood | undefined {
    return this.sent.flood;
  }

  find(what: string): void {
    this.world.find(`${this.#name}: ${what}`);
  }

  deadlineComplaint(dueMs: number): string | undefined {
    return this.world.deadlineComplaint(dueMs);
  }

  /** What has come of the stream breaks a rule, and it is to be reset. */
  hasOffended(streamId: number): boolean {
    return this.offences.some((each) => each.streamId === streamId && each.atBytes <= this.deliveredBytes);
  }

  isMissed(dueMs: number): boolean {
    return this.world.isMissed(dueMs);
  }

  /** Streams that are not over, but for those whose reset the server is reading. */
  openCount = 0;

  /** What the server gives the client for all streams together. */
  get connectionCredit(): number {
    const { connectionWindowBytes, growthBytes } = this.bounds;
    return Math.max(connectionWindowBytes, DEFAULT_WINDOW_BYTES) + growthBytes;
  }

  /** Places that may be taken when the server reads the head of `stream`, its own with them. */
  takenPlaces = 0;

  countPlaces(stream: StreamModel): void {
    this.takenPlaces = 0;
    for (const each of this.streams.values()) {
      if (each.id > stream.id) continue;
      const { record } = each;
      const outlives = record !== undefined && record.settledMs === undefined;
      if (each.isOpen || each.closedIn === this.receiveNumber || outlives) this.takenPlaces++;
    }
  }

  open(id: number, request: H2Request, isWhole: boolean): void {
    const stream = new StreamModel(
      id,
      request,
      this.receiveNumber,
      this.initialWindow,
      this.bounds.streamWindowBytes,
      isWhole,
    );
    this.streams.set(id, stream);
    this.openCount++;
    if (id > this.lastStreamId) this.close(stream, 'beyond');
    else if (this.idleSinceMs !== NEVER) {
      this.#idleBeforeMs = this.idleSinceMs;
      this.hasBegun = false;
      this.idleSinceMs = NEVER;
    }
  }

  /** The client resets it, by what the server is about to read. */
  resetComes(stream: StreamModel): void {
    if (!stream.isOpen || stream.isResetPending) return;
    stream.isResetPending = true;
    this.openCount--;
  }

  close(stream: StreamModel, end: StreamEnd): void {
    if (stream.isOpen && !stream.isResetPending) this.openCount--;
    stream.close(end, this.receiveNumber);
    this.looked();
  }

  /** The last stream may be over. */
  looked(): void {
    if (this.openCount > 0) this.idleSinceMs = NEVER;
    else if (this.idleSinceMs === NEVER && this.switchedMs !== NEVER)
      this.idleSinceMs = this.hasBegun ? this.world.nowMs : this.#idleBeforeMs;
  }

  /** The stream whose handler has been called just now. */
  called(plan: RequestPlan): ExchangeRecord {
    const { timeouts } = this.world.settings;
    let found: StreamModel | undefined;
    for (const stream of this.streams.values())
      if (stream.plan === plan && stream.record === undefined && stream.status === 0) {
        found = stream;
        // A head that is repeated may have been refused before.
        if (stream.isOpen) break;
      }
    const isWhole = found?.isWhole ?? true;
    this.requests++;
    const record = new ExchangeRecord(plan, this.world.nowMs, timeouts.handlerMs, timeouts.bodyMs, isWhole);
    if (this.isPeerLeaving) record.peerEnd = 'before';
    if (found === undefined) {
      this.find(`the handler is called for request ${plan.id}, which no stream has`);
      return record;
    }
    if (!found.isOpen) {
      this.find(`the handler is called for ${found.name}, which has ended (${found.end})`);
      record.isGone = true;
    }
    found.record = record;
    this.hasBegun = true;
    let others = 0;
    for (const each of this.streams.values())
      if (each.isOpen && !each.isResetPending && each.record !== undefined && each.id < found.id) others++;
    if (others >= this.bounds.streamCountMax) this.find(`${others} streams are open beside ${found.name}`);
    return record;
  }
}
