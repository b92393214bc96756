/** What lets pages of other origins read files (CORS, the Fetch standard §3.3): public files, without credentials. */
import { Response } from '../web/response.ts';
import type { FilesRequest } from './file-answer.ts';

/** What a script may see beside the fields that the standard calls safelisted. */
const EXPOSED = 'accept-ranges, content-encoding, content-length, content-range, etag';

/** Browsers ask again after at most two hours (Chromium) or a day (Firefox). */
const MAX_AGE_S = 7200;

/** @param origins that are allowed, or `*`; none for no CORS */
export function allowOrigin(origins: readonly string[], request: FilesRequest, response: Response): Response {
  if (origins.length === 0) return response;
  const { headers } = response;
  const allowed = originOf(origins, request);
  if (allowed !== undefined) {
    headers.set('access-control-allow-origin', allowed);
    headers.set('access-control-expose-headers', EXPOSED);
  }
  // The answer differs by who asks, also where it says nothing.
  if (!origins.includes('*')) headers.append('vary', 'origin');
  return response;
}

/** OPTIONS: what may be done with a file, and what a page of another origin may. */
export function answerPreflight(origins: readonly string[], request: FilesRequest, allow: string): Response {
  const headers: Record<string, string> = { allow };
  const isPreflight = request.headers.get('access-control-request-method') !== null;
  if (isPreflight && originOf(origins, request) !== undefined) {
    headers['access-control-allow-methods'] = allow;
    // The fields that reading a file may need; a list, since old browsers do not know `*` here.
    const asked = request.headers.get('access-control-request-headers');
    if (asked !== null) headers['access-control-allow-headers'] = asked;
    headers['access-control-max-age'] = String(MAX_AGE_S);
    headers['vary'] = 'access-control-request-headers';
  }
  return new Response(null, { status: 204, headers });
}

function originOf(origins: readonly string[], request: FilesRequest): string | undefined {
  if (origins.includes('*')) return '*';
  const origin = request.headers.get('origin');
  return origin !== null && origins.includes(origin) ? origin : undefined;
}
