/** Node's own HTTP/2 client, for tests of the server: an answer as one value. */
import { once } from 'node:events';
import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';

export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly content: Buffer;
  readonly text: string;
}

export async function connectH2(
  url: string,
  options: ClientSessionOptions | SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  const client = http2.connect(url, options);
  await once(client, 'connect');
  // What goes wrong is seen on its streams, and in `close`.
  client.on('error', () => {});
  return client;
}

/** @throws what the stream ends with, when it is not an answer */
export async function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  const head = once(stream, 'response') as Promise<[IncomingHttpHeaders & IncomingHttpStatusHeader]>;
  const [[headers], content] = await Promise.all([head, buffer(stream)]);
  // Where the server asks for no more of the request, by RST_STREAM NO_ERROR, the answer is whole.
  if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR) throw new Error(`reset by ${stream.rstCode}`);
  return { status: headers[':status']!, headers, content, text: content.toString() };
}

export function ask(
  client: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
  content?: string | Uint8Array,
): Promise<H2Answer> {
  const method = content === undefined ? 'GET' : 'POST';
  const stream = client.request(
    { ':method': method, ':path': path, ...fields },
    { endStream: content === undefined },
  );
  if (content !== undefined) stream.end(content);
  return answerOf(stream);
}

/** Closes the connection at once, and waits until that has happened. */
export async function leave(client: ClientHttp2Session): Promise<void> {
  if (client.destroyed) return;
  const closed = once(client, 'close');
  client.destroy();
  await closed;
}
