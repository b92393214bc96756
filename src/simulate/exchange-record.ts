/**
 * What is known of one call of the handler: what it promised, whether it waits for the body, what became
 * of its signal, its stream and `context.completed`. The handlers of the simulation fill it in, the
 * oracle reads it.
 */
import type { RequestPlan } from './request-plan.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class ExchangeRecord {
  readonly plan: RequestPlan;
  readonly startedMs: number;
  readonly handlerMs: number;
  readonly bodyMs: number;
  /** The handler has returned or thrown; `undefined` while it has not. */
  settledMs: number | undefined = undefined;
  /** The head of a final answer has been written, by the handler or in its place. */
  isAnswered = false;
  /** The answer was written in the handler's place. */
  isFault = false;
  /** The last byte of the answer was written. */
  isFinished = false;
  /** The connection ended before. */
  isGone = false;
  /** The client has sent FIN, before the handler was called or while the exchange was open. */
  peerEnd: 'none' | 'before' | 'during' = 'none';
  /** When a stream that has nothing to send is given up after that; `Infinity` while something waits to be sent. */
  quietDueMs = NEVER;
  /** The handler returned a promise: the handler's deadline holds. */
  isAsync = false;
  isWaitingForBody = false;
  /** Whoever waits for the body is the server itself: when, cannot be told from outside. */
  isWaitHidden = false;
  /** When the wait began, or the last byte came in it. */
  bodyTouchedMs = 0;
  /** The same before the present moment: a deadline and late bytes may fall into one turn. */
  bodyTouchedBeforeMs = 0;
  /** All of the body has been handed over. */
  isBodyComplete: boolean;
  signal: AbortSignal | undefined = undefined;
  abortCount = 0;
  /** The state of the stream that the handler answered with. */
  stream: 'none' | 'open' | 'closed' | 'errored' = 'none';
  cancelCount = 0;
  completed: 'untold' | 'resolved' | 'rejected' = 'untold';

  constructor(plan: RequestPlan, nowMs: number, handlerMs: number, bodyMs: number, isBodyComplete: boolean) {
    this.plan = plan;
    this.startedMs = nowMs;
    this.handlerMs = handlerMs;
    this.bodyMs = bodyMs;
    this.isBodyComplete = isBodyComplete;
  }

  /** The earliest deadline that holds and that can be told from outside. */
  get dueMs(): number {
    if (this.isAnswered) return this.quietDueMs;
    return Math.min(this.handlerDueMs, this.isWaitHidden ? NEVER : this.bodyDueMs);
  }

  get handlerDueMs(): number {
    return this.isAsync && !this.isAnswered ? this.startedMs + this.handlerMs : NEVER;
  }

  get bodyDueMs(): number {
    return this.isWaitingForBody && !this.isBodyComplete ? this.bodyTouchedMs + this.bodyMs : NEVER;
  }

  peerLeaves(): void {
    if (!this.isFinished && this.peerEnd === 'none') this.peerEnd = 'during';
  }

  quietBegins(dueMs: number): void {
    if (this.peerEnd !== 'none') this.quietDueMs = dueMs;
  }

  waits(nowMs: number): void {
    this.isWaitingForBody = true;
    this.bodyTouchedMs = nowMs;
  }

  waitIsOver(): void {
    this.isWaitingForBody = false;
  }

  bodyArrived(nowMs: number, isComplete: boolean): void {
    if (nowMs > this.bodyTouchedMs) this.bodyTouchedBeforeMs = this.bodyTouchedMs;
    this.bodyTouchedMs = nowMs;
    this.isBodyComplete = isComplete;
  }

  /** What is wrong with it when everything has come to rest. */
  *complaints(): IterableIterator<string> {
    const what = `request ${this.plan.id} (${this.plan.kind})`;
    const isSuccess = this.isFinished && !this.isFault;
    if (this.signal !== undefined) {
      // A fault in the body of a request that was answered already concerns nobody.
      const isAborted = !isSuccess || this.peerEnd !== 'none';
      // What was aborted when the handler first saw it has no event.
      const wanted = isAborted && this.peerEnd !== 'before' ? 1 : 0;
      if (this.abortCount !== wanted || this.signal.aborted !== isAborted) {
        yield `${what}: the signal aborted ${this.abortCount} times, ${wanted} expected`;
      }
    }
    if (this.stream !== 'none') {
      const isRight =
        this.stream === 'open'
          ? this.cancelCount === 1
          : this.stream === 'errored'
            ? this.cancelCount === 0
            : this.cancelCount <= 1;
      if (!isRight) yield `${what}: its stream is ${this.stream} and was cancelled ${this.cancelCount} times`;
    }
    const wanted = this.isFinished ? 'resolved' : 'rejected';
    if (this.completed !== wanted) yield `${what}: context.completed is ${this.completed}, not ${wanted}`;
    if (!this.isFinished && !this.isGone) yield `${what}: neither finished nor broken off`;
  }
}
