/** How the content of a plan is sent, where its head has not brought all of it. */
import type { AnswerBody, AnsweredExchange } from './answer-body.ts';
import type { AnswerPlan } from './answer-plan.ts';
import { BytesBody } from './bytes-body.ts';
import { FileAnswer } from './file-answer.ts';
import { ResponseStream } from './response-stream.ts';

const NOTHING = new Uint8Array(0);
const NO_PACE = Number.POSITIVE_INFINITY;

export function contentOf(exchange: AnsweredExchange, plan: AnswerPlan): AnswerBody {
  const { file, stream, bytes, contentLength } = plan;
  const pace = Math.min(exchange.paceBytesPerSecond ?? NO_PACE, file?.paceBytesPerSecond ?? NO_PACE);
  if (pace !== NO_PACE) exchange.sink.pace?.(pace);
  if (file?.takeFile !== undefined && exchange.sink.takesFile === true)
    return new FileAnswer(exchange, file.takeFile());
  return new ResponseStream(exchange, file ?? stream ?? new BytesBody(bytes ?? NOTHING), contentLength);
}
