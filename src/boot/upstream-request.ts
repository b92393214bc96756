/**
 * Asks an upstream HTTP(S) server for a file, as its bytes are: no decoding, since Apache names `initrd.gz` gzip-encoded and
 * machines want the file. Redirections are followed. An upstream that is silent is given up; one that is slow is not.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Mirrors redirect once or twice. */
const REDIRECTS_MAX = 5;
/** Between bytes. A machine's own pace is none of its business: what arrives goes to the disk at once. */
const SILENCE_MS = 30_000;

/** The upstream could not be asked, or answered what cannot be used. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code = 'HOLDFAST_UPSTREAM';
  /** What the client is answered, as long as it has no answer. */
  readonly status: number;
  /** Whether it may go better the next time. */
  readonly isPassing: boolean;

  constructor(message: string, status = 502, isPassing = false) {
    super(message);
    this.status = status;
    this.isPassing = isPassing;
  }
}

export interface UpstreamAnswer {
  readonly status: 200 | 206;
  /** Size of the whole file; undefined where the upstream does not tell. */
  readonly sizeBytes: number | undefined;
  /** Place of this answer within the file. */
  readonly firstByte: number;
  /** For If-Range: a strong entity tag, else the date. RFC 9110 §13.1.5 */
  readonly validator: string | undefined;
  readonly lastModified: string | undefined;
  readonly body: IncomingMessage;
}

/**
 * @param from the first byte that is wanted; beyond 0 as a range, if the file is still the one of `validator`
 * @throws UpstreamError
 */
export async function askUpstream(
  url: URL,
  from: number,
  validator: string | undefined,
  signal: AbortSignal,
  silenceMs = SILENCE_MS,
): Promise<UpstreamAnswer> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'holdfast' };
  if (from > 0 && validator !== undefined) {
    headers['range'] = `bytes=${from}-`;
    headers['if-range'] = validator;
  }
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const message = await send(at, headers, signal, silenceMs);
    const { statusCode: status = 0, headers: fields } = message;
    if (status === 200 || status === 206) return answerOf(message, status, from);
    message.resume();
    message.on('error', () => {});
    const { location } = fields;
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) throw refusal(status);
    if (redirects === REDIRECTS_MAX) throw new UpstreamError('the upstream redirects in a circle');
    if (!URL.canParse(location, at.href)) throw new UpstreamError('the upstream redirects to nowhere');
    at = new URL(location, at);
    if (at.protocol !== 'http:' && at.protocol !== 'https:')
      throw new UpstreamError(`the upstream redirects to ${at.protocol}`);
  }
}

function refusal(status: number): UpstreamError {
  if (status === 404 || status === 410 || status === 403)
    return new UpstreamError(`the upstream answers ${status}`, 404);
  return new UpstreamError(`the upstream answers ${status}`, 502, status >= 500 || status === 429);
}

function send(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  silenceMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { headers, signal })
        : httpRequest(url, { headers, signal });
    const fail = (error: Error): void =>
      reject(
        signal.aborted
          ? error
          : new UpstreamError(`the upstream cannot be asked: ${reasonOf(error)}`, 502, true),
      );
    // The socket's own: it counts from the last byte, and goes on while the body is read.
    request.setTimeout(silenceMs, () =>
      request.destroy(new Error(`nothing came for ${Math.round(silenceMs / 1000)} s`)),
    );
    request.on('error', fail).on('response', resolve).end();
  });
}

/** Node gives an AggregateError without a message where several addresses were tried. */
function reasonOf(error: Error & { code?: string }): string {
  return error.message || error.code || String(error);
}

function answerOf(message: IncomingMessage, status: 200 | 206, from: number): UpstreamAnswer {
  const { headers } = message;
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  const etag = headers.etag;
  const lastModified = headers['last-modified'];
  const common = {
    status,
    validator: etag !== undefined && !etag.startsWith('W/') ? etag : lastModified,
    lastModified,
    body: message,
  };
  if (status === 200) return { ...common, firstByte: 0, sizeBytes: length };
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '');
  if (range === null || Number(range[1]) !== from) {
    message.destroy();
    throw new UpstreamError('the upstream answers another range than was asked for');
  }
  return { ...common, firstByte: from, sizeBytes: Number(range[2]) };
}
