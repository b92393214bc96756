/**
 * What a client may still reset, reckoned a second time: RFC 9113 §10.5, docs/decisions/0006. In which order the server reads what
 * it was handed at once nobody sees, nor how much of an answer was out by then. So there are two reckonings: by the one the client
 * has as little left as it can have, by the other as much. It may be ended when the first is below zero, and must be when the second is.
 */
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  INTERNAL_ERROR,
  NO_ERROR,
  REFUSED_STREAM,
} from '../../protocol/h2/error-codes.ts';
import type { AbuseBounds, Allowance } from '../../protocol/h2/server/server-settings.ts';
import type { StreamModel } from './stream-model.ts';

const MS_PER_SECOND = 1000;
/** An answer that nobody can have read is wasted, and has earned something. */
const WASTED_COST = 2;
/** Codes by which the server ends streams that are no fault of their clients. */
const NO_FAULTS: readonly number[] = [NO_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM];

/** One allowance, by both reckonings. */
class Left {
  least: number;
  most: number;
  /** Drawn in what the server is reading. */
  drawnLeast = 0;
  drawnMost = 0;
  readonly #allowance: Allowance;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.least = allowance.burst;
    this.most = allowance.burst;
  }

  passes(ms: number, answers: number): void {
    const earned = (ms * this.#allowance.perSecond) / MS_PER_SECOND;
    this.least = this.#earn(this.least, earned + answers * this.#allowance.perAnswer);
    this.most = this.#earn(this.most, earned + answers * this.#allowance.perAnswer);
  }

  draw(least: number, most: number): void {
    this.drawnLeast += least;
    this.drawnMost += most;
  }

  get mayBeSpent(): boolean {
    return this.least < this.drawnMost;
  }

  /** @returns whether it is spent, whatever the order was */
  settle(answers: number): boolean {
    const earned = answers * this.#allowance.perAnswer;
    const isSpent = this.most + earned < this.drawnLeast;
    this.least = this.#earn(this.least, earned) - this.drawnMost;
    this.most = this.#earn(this.most, earned - this.drawnLeast);
    this.drawnLeast = 0;
    this.drawnMost = 0;
    return isSpent;
  }

  #earn(left: number, earned: number): number {
    return Math.min(this.#allowance.burst, left + earned);
  }
}

export class ResetBudget {
  readonly #resets: Left;
  /** Frames on streams that are over: resets that come late among them. */
  readonly #strays: Left;
  /** What the client has reset in what is being read. */
  readonly #reset: (StreamModel | undefined)[] = [];
  #nowMs = 0;
  #answers = 0;

  constructor({ resets, strayFrames }: AbuseBounds) {
    this.#resets = new Left(resets);
    this.#strays = new Left(strayFrames);
  }

  /** The server is about to read. @param answers that were written whole so far */
  begin(nowMs: number, answers: number): void {
    for (const left of [this.#resets, this.#strays])
      left.passes(nowMs - this.#nowMs, answers - this.#answers);
    this.#nowMs = nowMs;
    this.#answers = answers;
  }

  /** A frame of the client's, of any kind: on a stream that is over it counts. */
  frame(): void {
    this.#strays.draw(0, 1);
  }

  resetByClient(stream: StreamModel | undefined): void {
    this.#reset.push(stream);
    this.#resets.draw(0, WASTED_COST);
  }

  resetByServer(errorCode: number): void {
    if (errorCode === REFUSED_STREAM) {
      // It counts as the one or as the other.
      this.#resets.draw(0, 1);
      this.#strays.draw(0, 1);
    } else if (!NO_FAULTS.includes(errorCode)) this.#resets.draw(1, 1);
  }

  /** Its head is refused by a status. */
  headRefused(): void {
    this.#resets.draw(1, 1);
  }

  /** The client may be ended for what it was handed so far. */
  get mayBeSpent(): boolean {
    return this.#resets.mayBeSpent || this.#strays.mayBeSpent;
  }

  /**
   * The server has read.
   * @param receiveNumber of what it has read
   * @returns whether the client should have been ended by now
   */
  settle(answers: number, receiveNumber: number): boolean {
    for (const stream of this.#reset) {
      const isOpen = stream?.isResetPending === true;
      const isWasted = stream?.end === 'whole' && stream.closedIn === receiveNumber;
      if (isWasted) this.#resets.draw(WASTED_COST, 0);
      else if (isOpen && !stream.isAnswered) this.#resets.draw(1, 0);
      else this.#strays.draw(1, 0);
    }
    this.#reset.length = 0;
    const earned = answers - this.#answers;
    this.#answers = answers;
    const isSpent = this.#resets.settle(earned);
    return this.#strays.settle(earned) || isSpent;
  }
}
