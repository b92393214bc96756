/** What each kind of handler must lead to, as the client sees it. */
import { DIRECT_BYTES_MAX, type RequestPlan } from './request-plan.ts';

interface ExpectedAnswer {
  readonly status: number;
  readonly hasBody: boolean;
  /** Says whose letters the body has. */
  readonly contentId: number;
  readonly bodyBytes: number;
  /** More than that only in an answer that breaks off. */
  readonly bodyBytesMax: number;
  /** Nobody names the body's length beforehand. */
  readonly isLengthUnknown: boolean;
}

const known = new WeakMap<RequestPlan, ExpectedAnswer>();

export function expectedAnswer(plan: RequestPlan): ExpectedAnswer {
  let answer = known.get(plan);
  if (answer === undefined) {
    answer = makeAnswer(plan);
    known.set(plan, answer);
  }
  return answer;
}

/** Bodies of answers are other letters than those of requests. */
export function answerContentId(plan: RequestPlan): number {
  return plan.id + 1_000_003;
}

/** The answer breaks off: the handler's stream fails or does not keep to its length. */
export function isTruncated(plan: RequestPlan): boolean {
  return plan.kind === 'stream-error' || plan.kind === 'length-short' || plan.kind === 'length-long';
}

/** The handler fails before it has answered. */
export function throws(plan: RequestPlan): boolean {
  return plan.kind === 'throw' || plan.kind === 'reject';
}

function isStreamed(plan: RequestPlan): boolean {
  return plan.kind === 'stream' || plan.kind === 'slow-stream' || plan.kind === 'late' || isTruncated(plan);
}

/**
 * The server may read the answer piece by piece: a stream, bytes that are too many for one reservation, or a body of
 * the platform's that it does not copy.
 */
export function isPulled(plan: RequestPlan): boolean {
  return (
    isStreamed(plan) ||
    plan.usesPlatform ||
    plan.kind === 'echo-stream' ||
    expectedAnswer(plan).bodyBytes > DIRECT_BYTES_MAX
  );
}

/** The Content-Length that the handler names for its stream; undefined for none. */
export function namedLength(plan: RequestPlan): number | undefined {
  if (plan.kind === 'length-short') return plan.responseBytes + 1;
  if (plan.kind === 'length-long') return plan.responseBytes - 1;
  return plan.namesLength && isStreamed(plan) ? plan.responseBytes : undefined;
}

function makeAnswer(plan: RequestPlan): ExpectedAnswer {
  const echoes = plan.kind === 'echo' || plan.kind === 'echo-stream';
  const status = statusOf(plan);
  const hasBody = status === 200 || status === 500;
  return {
    status,
    hasBody,
    contentId: echoes ? plan.id : answerContentId(plan),
    bodyBytesMax: !hasBody ? 0 : echoes ? plan.bodyBytesMax : plan.responseBytes,
    bodyBytes: !hasBody ? 0 : echoes ? plan.bodyBytes : plan.responseBytes,
    isLengthUnknown: isStreamed(plan) && namedLength(plan) === undefined,
  };
}

function statusOf(plan: RequestPlan): number {
  if (throws(plan)) return 500; // The error hook's answer has a body by the plan, our own has not.
  if (plan.kind === 'no-content') return 204;
  return plan.kind === 'not-modified' ? 304 : 200;
}
