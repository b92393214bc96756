/** What the parts of one run share: the network, the settings, what was found and what was counted. */

import { DEADLINE_TICK_MS } from '../engine/engine.ts';
import type { SimNetwork } from '../engine/sim/network.ts';
import type { SimEngine } from '../engine/sim/sim-engine.ts';
import type { Settings } from '../server/options.ts';
import type { Totals } from './totals.ts';

/** A run is judged by its first findings: later ones mostly follow from them. */
const FINDINGS_MAX = 8;

export class World {
  readonly network: SimNetwork;
  readonly settings: Settings;
  readonly totals: Totals;
  readonly findings: string[] = [];
  engine!: SimEngine;
  /** How long the engine lets a silent peer be. */
  deadPeerMs = Number.POSITIVE_INFINITY;
  isDraining = false;
  /** How long an idle connection may still ask when the server drains. */
  idleGraceMs = 0;
  isEngineClosing = false;
  /** Called once, before anything else happens. */
  onFirstFinding: (() => void) | undefined = undefined;
  /** Ends that the server has counted since this was emptied. */
  counted: string[] = [];

  constructor(network: SimNetwork, settings: Settings, totals: Totals) {
    this.network = network;
    this.settings = settings;
    this.totals = totals;
  }

  get nowMs(): number {
    return this.network.nowMs;
  }

  /** How late anything may come: the longest turn that was held up, and all that the clock has leapt. */
  get delayMs(): number {
    return this.network.delayMsMax + this.network.leaptMs;
  }

  /** @returns what is wrong with acting now on a deadline that is due at `dueMs` */
  deadlineComplaint(dueMs: number): string | undefined {
    this.totals.deadlines++;
    if (dueMs === Number.POSITIVE_INFINITY) return 'no deadline holds';
    if (this.nowMs < dueMs) return `${(dueMs - this.nowMs).toFixed(2)} ms early`;
    const lateMs = this.nowMs - this.engine.turnLatenessMs - dueMs;
    return lateMs > DEADLINE_TICK_MS ? `${lateMs.toFixed(2)} ms late` : undefined;
  }

  /** A deadline should have been met by now. */
  isMissed(dueMs: number): boolean {
    return this.nowMs > dueMs + DEADLINE_TICK_MS + this.delayMs;
  }

  find(what: string): void {
    this.network.trace?.(`FINDING ${what}`);
    if (this.findings.length === 0) this.onFirstFinding?.();
    if (this.findings.length < FINDINGS_MAX) this.findings.push(`at ${this.nowMs.toFixed(2)} ms: ${what}`);
  }
}
