/** Answers of a few words: what is wrong, where the file itself cannot be the answer. */
import { Response } from '../web/response.ts';

export function plainAnswer(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${status} ${reason}\n`, {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}

/** Out of descriptors: the client is not at fault and may come again. */
export function busyAnswer(): Response {
  return plainAnswer(503, 'Service Unavailable', { 'retry-after': '1' });
}
