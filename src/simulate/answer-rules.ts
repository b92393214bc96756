/**
 * When a server may answer in a handler's place, and when an answer must be the last of its connection:
 * what the RFCs and the table of the life of a connection say, asked at the moment of the head.
 */
import type { EndingConnection } from './close-table.ts';
import { isContent } from './content.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { expectedAnswer, hasContent, isTruncated, throws } from './expected-answer.ts';
import type { RequestPlan } from './request-plan.ts';
import type { World } from './world.ts';

/** A response that no handler gave. @returns what is wrong with it */
export function faultComplaint(it: EndingConnection, status: number): string | undefined {
  const { exchange, request } = it;
  if (it.isOverLimit)
    return it.phase === 'accepted' && status === 503 ? undefined : 'it must be refused with a 503';
  if (it.phase === 'head') {
    if (request?.refusal === status && it.deliveredBytes > request.start) return undefined;
    return status === 408 ? it.deadlineComplaint(it.dueMs) : 'nothing calls for it';
  }
  if (it.phase !== 'exchange' || request === undefined) return 'no request was made';
  if (exchange?.isAnswered === true) return 'a second answer';
  const { bodyRefusal } = request;
  if (status === bodyRefusal?.status && it.deliveredBytes >= bodyRefusal.fromBytes) return undefined;
  if (exchange === undefined) return 'the handler was not called';
  if (status === 500 && throws(request)) return undefined;
  if (status === 503) return it.deadlineComplaint(exchange.handlerDueMs);
  if (status === 408) return it.deadlineComplaint(exchange.bodyDueMs);
  return 'nothing calls for it';
}

/** @param hasContinued there was a 100 before @returns what is wrong with an interim response */
export function interimComplaint(
  exchange: ExchangeRecord | undefined,
  status: number,
  hasContinued: boolean,
): string | undefined {
  if (exchange === undefined || exchange.isAnswered) return `an interim ${status} to no request`;
  const { plan } = exchange;
  if (status === 103) return plan.hints && plan.minor > 0 ? undefined : 'hints that nobody gave';
  if (status !== 100) return `an interim ${status}`;
  return plan.expectsContinue && !hasContinued ? undefined : 'a 100 that nobody asked for';
}

/** A handler's response, which names its request. @returns what is wrong with it */
export function answerComplaint(
  exchange: ExchangeRecord | undefined,
  id: string,
  status: number,
): string | undefined {
  if (exchange === undefined || String(exchange.plan.id) !== id)
    return `an answer to request ${id} that nobody made`;
  if (exchange.isAnswered) return `a second answer to request ${id}`;
  const wanted = expectedAnswer(exchange.plan).status;
  return status === wanted ? undefined : `request ${id} is to be answered with ${wanted}`;
}

/**
 * RFC 9112 §9.3: the connection goes on unless there is a reason.
 * @param finals final responses on this connection, this one included
 */
export function mustClose(it: EndingConnection, world: World, finals: number, status: number): boolean {
  const { exchange, request } = it;
  return (
    exchange === undefined ||
    exchange.isFault ||
    request === undefined ||
    !request.persists ||
    it.deliveredBytes < request.bodyEnd ||
    world.isDraining ||
    finals >= world.settings.limits.requestsPerConnectionMax ||
    (request.kind === 'asks-close' && status === 200) ||
    endsWithConnection(request, status)
  );
}

/** RFC 9112 §6.3: HTTP/1.0 has no chunks, so a body of unknown length ends with the connection. */
function endsWithConnection(request: RequestPlan, status: number): boolean {
  return request.minor === 0 && status === 200 && expectedAnswer(request).isLengthUnknown;
}

/** @returns what is wrong with bytes of an answer that come after `at` of them */
export function contentComplaint(
  plan: RequestPlan,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  const wanted = expectedAnswer(plan);
  if (at + end - start > wanted.bodyBytesMax) return `request ${plan.id} is answered with too many bytes`;
  if (isContent(wanted.contentId, wanted.contentStart + at, bytes, start, end)) return undefined;
  return `request ${plan.id} is answered with a wrong byte after ${at}`;
}

/** All that was announced of an answer with content has been written. @returns what is wrong with that, after `bodyBytes` of it */
export function wholeComplaint(plan: RequestPlan, bodyBytes: number): string | undefined {
  // All of a file is promised at once. A byte too many may come in a piece of its own, when the client has what it was promised.
  if (isTruncated(plan)) {
    if (plan.kind === 'length-long' || plan.file !== undefined) return undefined;
    return `request ${plan.id} (${plan.kind}) is answered whole`;
  }
  if (bodyBytes === expectedAnswer(plan).bodyBytes) return undefined;
  return `request ${plan.id} is answered with ${bodyBytes} bytes`;
}

/** An answer has come to its end. @returns what is wrong with the file that it was made of */
export function fileComplaint(plan: RequestPlan): string | undefined {
  const { file, id } = plan;
  if (file === undefined || file.fate === 'whole' || !hasContent(plan)) return undefined;
  return `request ${id} is answered with a file that is ${file.fate}`;
}
