/**
 * How far another machine's clock is ahead of this one's, from questions and answers with the time: RFC
 * 5905 §8. The fastest of several rounds counts, since what was delayed least was distorted least. Pure.
 */

/** One question and its answer: what the clocks showed when each was sent and received. */
export interface ClockRound {
  /** By the asker's clock. */
  readonly askedMs: number;
  /** By the other's. */
  readonly receivedMs: number;
  readonly repliedMs: number;
  /** By the asker's. */
  readonly answeredMs: number;
}

export interface ClockOffset {
  /** The other's clock less ours. */
  readonly offsetMs: number;
  /** Time on the way, there and back. */
  readonly delayMs: number;
  /** The true offset lies this near: half of the delay, if all of it was spent on one way. */
  readonly uncertaintyMs: number;
}

export function offsetOf({ askedMs, receivedMs, repliedMs, answeredMs }: ClockRound): ClockOffset {
  const delayMs = Math.max(0, answeredMs - askedMs - (repliedMs - receivedMs));
  return {
    offsetMs: (receivedMs - askedMs + (repliedMs - answeredMs)) / 2,
    delayMs,
    uncertaintyMs: delayMs / 2,
  };
}

/** @returns undefined without a round */
export function bestOffset(rounds: readonly ClockRound[]): ClockOffset | undefined {
  return rounds
    .map(offsetOf)
    .reduce<ClockOffset | undefined>(
      (best, each) => (best === undefined || each.delayMs < best.delayMs ? each : best),
      undefined,
    );
}
