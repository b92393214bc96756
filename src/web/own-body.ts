/** The door for a Response whose body is made by a room of ours, piece by piece. To programs it is like any other body. */
import type { OutgoingBody } from './pieces.ts';
import { BodyHolder, Response, type ResponseInit } from './response.ts';

export function responseOf(body: OutgoingBody, init: ResponseInit): Response {
  const response = new Response(null, init);
  response._source = new BodyHolder(body);
  return response;
}
