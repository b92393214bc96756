/**
 * What a client may still do that costs more than it brings, kind by kind. Time and honest work fill the budgets up
 * again; whoever empties one is to be ended. Only who draws pays for the reckoning: an answer costs one addition.
 */
import * as fault from '../error-codes.ts';
import type { AbuseBounds, Allowance } from './server-settings.ts';

export const DRAW_RESET = 0;
export const DRAW_SETTINGS = 1;
export const DRAW_PING = 2;
export const DRAW_PRIORITY = 3;
export const DRAW_EMPTY_DATA = 4;
export const DRAW_WINDOW_UPDATE = 5;
export const DRAW_STRAY = 6;
/** Requests that are refused, and what resets streams that are over: stray frames too, by another name. */
export const DRAW_LATE_RESET = 7;
const KIND_COUNT = 7;

const FAULTS: readonly fault.Http2Fault[] = [
  fault.FAULT_RESET_FLOOD,
  fault.FAULT_SETTINGS_FLOOD,
  fault.FAULT_PING_FLOOD,
  fault.FAULT_PRIORITY_FLOOD,
  fault.FAULT_EMPTY_DATA_FLOOD,
  fault.FAULT_WINDOW_UPDATE_FLOOD,
  fault.FAULT_STRAY_FLOOD,
  fault.FAULT_LATE_RESET_FLOOD,
];

const MS_PER_SECOND = 1000;

export class AbuseBudget {
  /** Answers sent whole. */
  answers = 0;
  dataFrames = 0;
  readonly #bounds: AbuseBounds;
  // Made with the first draw: most connections never draw.
  #left: Float64Array | undefined = undefined;
  #drawnAtMs!: Float64Array;
  #answersThen!: Float64Array;
  #dataFramesThen!: Float64Array;

  constructor(bounds: AbuseBounds) {
    this.#bounds = bounds;
  }

  /**
   * @param name DRAW_RESET and so on
   * @returns the fault that ends the connection, when nothing of that kind is left
   */
  draw(name: number, nowMs: number, amount = 1): fault.Http2Fault | undefined {
    const kind = name === DRAW_LATE_RESET ? DRAW_STRAY : name;
    const allowance = this.#allowance(kind);
    const left = this.#left ?? this.#begin(nowMs);
    const earned =
      ((nowMs - this.#drawnAtMs[kind]!) * allowance.perSecond) / MS_PER_SECOND +
      (this.answers - this.#answersThen[kind]!) * allowance.perAnswer +
      (this.dataFrames - this.#dataFramesThen[kind]!) * allowance.perDataFrame;
    left[kind] = Math.min(allowance.burst, left[kind]! + earned) - amount;
    this.#drawnAtMs[kind] = nowMs;
    this.#answersThen[kind] = this.answers;
    this.#dataFramesThen[kind] = this.dataFrames;
    return left[kind] < 0 ? FAULTS[name] : undefined;
  }

  #begin(nowMs: number): Float64Array {
    const left = new Float64Array(KIND_COUNT);
    for (let kind = 0; kind < KIND_COUNT; kind++) left[kind] = this.#allowance(kind).burst;
    this.#left = left;
    this.#drawnAtMs = new Float64Array(KIND_COUNT).fill(nowMs);
    this.#answersThen = new Float64Array(KIND_COUNT);
    this.#dataFramesThen = new Float64Array(KIND_COUNT);
    return left;
  }

  #allowance(kind: number): Allowance {
    const bounds = this.#bounds;
    switch (kind) {
      case DRAW_RESET:
        return bounds.resets;
      case DRAW_SETTINGS:
        return bounds.settings;
      case DRAW_PING:
        return bounds.pings;
      case DRAW_PRIORITY:
        return bounds.priorities;
      case DRAW_EMPTY_DATA:
        return bounds.emptyData;
      case DRAW_WINDOW_UPDATE:
        return bounds.windowUpdates;
      default:
        return bounds.strayFrames;
    }
  }
}
