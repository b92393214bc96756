/** What the HTTP/2 connections of one thread share. */
import { AnswerHeads } from '../../protocol/h2/server/answer-heads.ts';
import { H2Thread } from '../../protocol/h2/server/connection-state.ts';
import type { Clock } from '../../protocol/h2/server/server-events.ts';
import { DEFAULT_H2_SETTINGS } from '../../protocol/h2/server/server-settings.ts';
import type { HttpSettings } from '../exchange-host.ts';

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

export class H2SessionThread {
  readonly core: H2Thread;
  readonly #clock: Clock;
  readonly #heads = new AnswerHeads();
  /** On the engine's clock: when the Date field is stale. */
  #nextDateMs = Number.NEGATIVE_INFINITY;

  constructor(settings: HttpSettings, clock: Clock) {
    const { headBytesMax, headerCountMax, http2 } = settings.limits;
    const { headerMs, lingerMs, stallMs } = settings.timeouts;
    this.#clock = clock;
    this.core = new H2Thread(
      {
        ...DEFAULT_H2_SETTINGS,
        ...http2,
        ...settings.h2,
        textOf: (bytes, start, end) => latin1Slice.call(bytes, start, end),
        headBytesMax,
        fieldCountMax: headerCountMax,
        settingsTimeoutMs: headerMs,
        frameTimeoutMs: headerMs,
        lingerTimeoutMs: lingerMs,
        stallTimeoutMs: stallMs,
      },
      clock,
    );
  }

  /** Makes heads of answers, with the present date: rendered anew when the next second begins. @hot */
  get heads(): AnswerHeads {
    const { nowMs } = this.#clock;
    if (nowMs >= this.#nextDateMs) {
      const epochMs = Date.now();
      this.#nextDateMs = nowMs + 1000 - (epochMs % 1000);
      this.#heads.setDate(epochMs);
    }
    return this.#heads;
  }
}
