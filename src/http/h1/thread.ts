/** What the HTTP/1 connections of one thread share. */
import { DEFAULT_LIMITS, type HeadRules, type ProtocolLimits } from '../../protocol/limits.ts';
import type { HttpSettings } from '../exchange-host.ts';
import type { ProtocolSwitch } from '../session.ts';
import { HeadReader } from './head-reader.ts';
import { type Refusals, ResponseHeads } from './response-heads.ts';

export class H1Thread {
  readonly limits: ProtocolLimits;
  readonly heads: HeadReader;
  readonly responseHeads: ResponseHeads;

  /** Absent where HTTP/1 is all that is spoken. */
  readonly switching: ProtocolSwitch | undefined;

  constructor(settings: HttpSettings, switching?: ProtocolSwitch, rules?: HeadRules & Refusals) {
    this.switching = switching;
    const { headBytesMax, headerCountMax, targetBytesMax, bodyBytesMax } = settings.limits;
    this.limits = { ...DEFAULT_LIMITS, headBytesMax, headerCountMax, targetBytesMax, bodyBytesMax };
    this.heads = new HeadReader(this.limits, rules);
    this.responseHeads = new ResponseHeads(settings.timeouts.idleMs, rules);
  }
}
