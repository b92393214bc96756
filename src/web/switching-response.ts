/** The door for a Response with the status 101, which programs cannot construct: what makes a connection change its protocol. */
import { Response } from './response.ts';

/** RFC 9110 §15.2.2 */
export const STATUS_SWITCHING = 101;

/** @param fields in lower case, beside `Connection`, which the server writes */
export function switchingResponse(fields: [string, string][]): Response {
  const response = new Response(null, { headers: fields });
  response._status = STATUS_SWITCHING;
  return response;
}
