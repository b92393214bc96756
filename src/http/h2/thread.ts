/** What the HTTP/2 connections of one thread share. */
import { H2Thread } from '../../protocol/h2/server/connection-state.ts';
import type { Clock } from '../../protocol/h2/server/server-events.ts';
import { DEFAULT_H2_SETTINGS } from '../../protocol/h2/server/server-settings.ts';
import type { HttpSettings } from '../exchange-host.ts';
import { AnswerBlocks } from './answer-blocks.ts';

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

export class H2SessionThread {
  readonly core: H2Thread;
  readonly blocks = new AnswerBlocks();

  constructor(settings: HttpSettings, clock: Clock) {
    const { headBytesMax, headerCountMax } = settings.limits;
    const { headerMs, lingerMs } = settings.timeouts;
    this.core = new H2Thread(
      {
        ...DEFAULT_H2_SETTINGS,
        textOf: (bytes, start, end) => latin1Slice.call(bytes, start, end),
        headBytesMax,
        fieldCountMax: headerCountMax,
        settingsTimeoutMs: headerMs,
        frameTimeoutMs: headerMs,
        lingerTimeoutMs: lingerMs,
      },
      clock,
    );
  }
}
