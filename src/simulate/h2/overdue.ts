/**
 * What an HTTP/2 server owes, and has not done: at once, before a deadline, or because nothing keeps it from going on. Asked
 * when the server has read, and whenever the clock has moved.
 */
import { isFloodOver, stallLimitMs } from './rules.ts';
import { type H2State, NEVER } from './state.ts';
import type { StreamModel } from './stream-model.ts';

/** How long something may stand still that nothing holds: the engine's turns and the events of streams take none of it. */
const STANDSTILL_MS = 1000;

export class Overdue {
  readonly #state: H2State;

  constructor(state: H2State) {
    this.#state = state;
  }

  /** The clock has moved, and the connection speaks HTTP/2. */
  check(): void {
    this.#deadlines();
    this.observe();
    for (const stream of this.#state.streams.values()) if (stream.isOpen) this.#stream(stream);
    this.#credit();
  }

  /** What the server owes for what it has read. */
  judgeRead(): void {
    const state = this.#state;
    if (state.unansweredPings.length > 0) state.find('a PING is not answered');
    if (state.unacknowledged.length > 0) state.find('settings are not acknowledged');
    for (const offence of state.offences) {
      if (state.deliveredBytes < offence.atBytes) continue;
      const isOver = offence.streamId > 0 && state.streams.get(offence.streamId)?.isOpen !== true;
      if (!isOver) state.find(`nothing comes of an offence on stream ${offence.streamId}`);
    }
    for (const stream of state.streams.values()) {
      if (!stream.isOpen) continue;
      if (stream.record === undefined && stream.status === 0) state.find(`${stream.name} is not handed over`);
      if (stream.credit < 0) state.find(`${stream.name} takes ${-stream.credit} bytes more than its window`);
    }
    if (state.credit < 0) state.find(`it takes ${-state.credit} bytes more than its window`);
    const { requestsPerConnectionMax } = state.world.settings.limits;
    if (state.requests >= requestsPerConnectionMax && state.drainStartedMs === NEVER)
      state.find(`${state.requests} requests, and no GOAWAY`);
    if (isFloodOver(state)) state.find('a flood is not ended');
  }

  /** Half a body is none: behind FIN nothing of it comes. */
  judgeHalfBodies(): void {
    const state = this.#state;
    for (const stream of state.streams.values())
      if (stream.isHeld && !stream.isWhole) state.find(`${stream.name} waits for a body behind FIN`);
  }

  /** Which streams could go on, and which could not for a window, from now on. */
  observe(): void {
    const state = this.#state;
    const { nowMs } = state.world;
    const isSocketOpen = state.conn.unsent.length === 0;
    for (const stream of state.streams.values()) {
      if (!stream.isOpen || stream.status === 0) continue;
      const isShut = stream.window <= 0 || state.connectionWindow <= 0;
      if (!isShut || stream.isAnswered) stream.shutMs = NEVER;
      else if (stream.shutMs === NEVER) stream.shutMs = nowMs;
      if (isShut || !isSocketOpen || !stream.hasContentReady) stream.movableMs = NEVER;
      else if (stream.movableMs === NEVER) stream.movableMs = nowMs;
    }
  }

  #deadlines(): void {
    const state = this.#state;
    const { settings } = state.world;
    if (!state.isAgreed && state.isMissed(state.settingsDueMs)) {
      state.find('settings are not acknowledged, and nothing comes of it');
      state.settingsDueMs = NEVER;
    }
    if (state.isMissed(state.frameDueMs)) {
      state.find('a frame that is begun has not been ended by its deadline');
      state.frameDueMs = NEVER;
    }
    if (state.isMissed(state.drainDueMs)) {
      state.find('the last stream has not been named');
      state.drainDueMs = NEVER;
    }
    if (state.world.nowMs > state.drainAskedMs && state.drainStartedMs === NEVER)
      state.find('the server drains, and there is no GOAWAY');
    else if (state.openCount === 0 && state.drainStartedMs === NEVER)
      if (state.isMissed(state.idleSinceMs + settings.timeouts.idleMs)) {
        state.find('it has been idle for too long');
        state.idleSinceMs = state.world.nowMs;
      }
  }

  #stream(stream: StreamModel): void {
    const state = this.#state;
    const { nowMs, delayMs } = state.world;
    const { record } = stream;
    const missed = (what: string): void => state.find(`${stream.name}: ${what}`);
    if (nowMs > stream.owedMs) {
      missed('its answer has not come');
      stream.owedMs = NEVER;
    }
    if (stream.isAnswered) {
      if (state.isMissed(stream.answeredMs + state.bounds.lingerTimeoutMs))
        missed('the rest of its request is waited for');
    } else if (record !== undefined && state.isMissed(record.dueMs + this.#quietMoreMs(stream)))
      missed('its deadline has been missed');
    if (nowMs > Math.max(stream.movableMs, state.dataMs) + STANDSTILL_MS + delayMs)
      missed('nothing keeps it, and it does not go on');
    if (stream.sentBytes < state.bounds.stallBytes && nowMs > stream.shutMs + stallLimitMs(state) + delayMs)
      missed('it is stalled for too long');
  }

  /** A piece that its source gives once more is quiet for its own time, if a window keeps it. */
  #quietMoreMs({ record, shutMs, plan }: StreamModel): number {
    if (record?.isAnswered !== true || shutMs === NEVER) return 0;
    return plan.delayMs + this.#state.world.settings.timeouts.lingerMs;
  }

  /** What was read or dropped is given back by halves; what nobody has read is kept from both windows. */
  #credit(): void {
    const state = this.#state;
    let kept = state.restOfData;
    for (const stream of state.streams.values()) {
      if (!stream.isHeld || stream.record === undefined) continue;
      const { isWaitingForBody, isWaitHidden, bodyTouchedMs } = stream.record;
      // What waits since this moment may be about to give it back.
      if (!isWaitingForBody || isWaitHidden || bodyTouchedMs === state.world.nowMs) kept += stream.flowBytes;
      else if (
        !stream.isWhole &&
        state.restOfData === 0 &&
        2 * stream.credit < state.bounds.streamWindowBytes
      )
        state.find(`${stream.name}: its handler reads, and its window is left at ${stream.credit}`);
    }
    if (2 * (state.credit + kept) < state.connectionCredit)
      state.find(`the connection's window is left at ${state.credit}, and ${kept} bytes wait to be read`);
  }
}
