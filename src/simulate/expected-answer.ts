/** What each kind of handler must lead to, as the client sees it. */
import { DIRECT_BYTES_MAX, type RequestPlan } from './request-plan.ts';

interface ExpectedAnswer {
  readonly status: number;
  readonly hasBody: boolean;
  /** Says whose letters the body has. */
  readonly contentId: number;
  /** The first byte's place in them. */
  readonly contentStart: number;
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
export function answerContentId(plan: Pick<RequestPlan, 'id'>): number {
  return plan.id + 1_000_003;
}

/** The answer breaks off: the handler's stream fails or does not keep to its length, or its file does not. */
export function isTruncated(plan: RequestPlan): boolean {
  const { kind, file } = plan;
  if (file !== undefined) return file.fate !== 'whole';
  return kind === 'stream-error' || kind === 'length-short' || kind === 'length-long';
}

/** The handler fails before it has answered. */
export function throws(plan: RequestPlan): boolean {
  return plan.kind === 'throw' || plan.kind === 'reject';
}

function isStreamed(plan: RequestPlan): boolean {
  if (plan.file !== undefined) return false;
  return plan.kind === 'stream' || plan.kind === 'slow-stream' || plan.kind === 'late' || isTruncated(plan);
}

/**
 * The server may read the answer piece by piece: a file, a stream, bytes that are too many for one reservation, or a body of
 * the platform's that it does not copy.
 */
export function isPulled(plan: RequestPlan): boolean {
  return (
    isStreamed(plan) ||
    plan.file !== undefined ||
    plan.usesPlatform ||
    plan.kind === 'echo-stream' ||
    expectedAnswer(plan).bodyBytes > DIRECT_BYTES_MAX
  );
}

/** Content comes back to HEAD never, nor with a status that has none. */
export function hasContent(plan: RequestPlan): boolean {
  return plan.method !== 'HEAD' && expectedAnswer(plan).hasBody;
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
  const hasBody = status === 200 || status === 206 || status === 500;
  return {
    status,
    hasBody,
    contentId: echoes ? plan.id : answerContentId(plan),
    contentStart: plan.file?.start ?? 0,
    bodyBytesMax: !hasBody ? 0 : echoes ? plan.bodyBytesMax : plan.responseBytes,
    bodyBytes: !hasBody ? 0 : echoes ? plan.bodyBytes : plan.responseBytes,
    isLengthUnknown: isStreamed(plan) && namedLength(plan) === undefined,
  };
}

function statusOf(plan: RequestPlan): number {
  if (throws(plan)) return 500; // The error hook's answer has a body by the plan, our own has not.
  if (plan.kind === 'no-content') return 204;
  if (plan.file?.range !== undefined) return 206;
  return plan.kind === 'not-modified' ? 304 : 200;
}
