/**
 * Which request a slot makes next: those of the plan in turn, or what a script answers. Requests to
 * several targets are spread so that a slot stays with one target when there are enough slots: changing
 * it costs a connection.
 */
import { SeededRandom } from '../../base/random.ts';
import type { AnswerContent } from '../client/client.ts';
import { UrlTally } from '../measure/url-tally.ts';
import type { LoadPlan, PlannedRequest } from '../plan/load-plan.ts';
import type { Slot } from './slot.ts';

export interface MadeRequest extends PlannedRequest {
  /** Where its figures are counted (url-tally.ts). */
  readonly urlRow: number;
}

export interface SkippedRequests {
  readonly urlRow: number;
  readonly times: number;
}

export interface RequestSource {
  next(slot: Slot): MadeRequest;
  /** So many that were due are never sent. @returns the rows of their URLs, with how many are of each */
  skip(times: number): readonly SkippedRequests[];
  /** Where the first request of `slot` will go: its connection can be opened before. */
  firstTarget(slot: Slot): number;
  /** Whether answers must be kept for `onAnswer`. */
  readonly wantsAnswers: boolean;
  /** @returns whether the answer is as it should be */
  onAnswer(slot: Slot, ticket: number, content: AnswerContent): boolean;
  /** What `next` answered last went out under this ticket. */
  onStarted(slot: Slot, ticket: number): void;
}

/** The plan's own requests. */
export class PlannedSource implements RequestSource {
  readonly wantsAnswers = false;
  readonly #requests: readonly MadeRequest[];
  /** Requests that each slot goes through, by slot modulo their number. */
  readonly #rounds: readonly (readonly MadeRequest[])[];
  /** Undefined where requests are taken in their order. */
  readonly #random: SeededRandom | undefined;
  #skipped = 0;

  /** @param urls gets a row for each URL of the plan */
  constructor(plan: LoadPlan, urls = new UrlTally()) {
    this.#requests = plan.requests.map((request) => ({
      ...request,
      urlRow: urls.rowOf(request.method, request.url),
    }));
    urls.isOn = urls.rowCount > 1;
    this.#random = plan.randomOrder ? new SeededRandom(plan.seed) : undefined;
    this.#rounds = roundsOf(this.#requests, plan.connections);
  }

  /** @hot */
  next(slot: Slot): MadeRequest {
    if (this.#requests.length === 1) return this.#requests[0]!;
    if (this.#random !== undefined)
      return this.#requests[Math.floor(this.#random.nextUnit() * this.#requests.length)]!;
    const round = this.#rounds[slot.index % this.#rounds.length]!;
    const request = round[slot.cursor % round.length]!;
    slot.cursor++;
    return request;
  }

  /** Takes them in turn: which ones it would have been depends on the slots that were not free. */
  skip(times: number): SkippedRequests[] {
    const { length } = this.#requests;
    const first = this.#skipped;
    this.#skipped += times;
    const skipped: SkippedRequests[] = [];
    for (let turn = 0; turn < Math.min(times, length); turn++) {
      const { urlRow } = this.#requests[(first + turn) % length]!;
      skipped.push({ urlRow, times: Math.floor((times - 1 - turn) / length) + 1 });
    }
    return skipped;
  }

  firstTarget(slot: Slot): number {
    return this.#rounds[slot.index % this.#rounds.length]![0]!.target;
  }

  onAnswer(): boolean {
    return true;
  }

  onStarted(): void {}
}

/**
 * With at least as many slots as requests, each slot has one target, and targets get slots by their
 * number of requests; with fewer, every slot goes through all.
 */
function roundsOf(requests: readonly MadeRequest[], connections: number): (readonly MadeRequest[])[] {
  if (connections < requests.length) return [requests];
  return requests.map(({ target }) => requests.filter((each) => each.target === target));
}
