// Passes every request on: `UPSTREAM=http://127.0.0.1:3000 holdfast serve examples/proxy.mjs`.
// Bodies stream in both directions; a client that leaves ends the request to the upstream.

const upstream = process.env.UPSTREAM ?? 'http://127.0.0.1:3000';

/** What concerns one connection alone, RFC 9110 section 7.6.1. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

export default async function handler(request, context) {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of [...HOP_BY_HOP, 'host', 'expect']) headers.delete(name);
  headers.append('x-forwarded-for', context.ip ?? 'unknown');
  try {
    const answer = await fetch(new URL(pathname + search, upstream), {
      method: request.method,
      headers,
      body: request.body,
      duplex: 'half',
      redirect: 'manual',
      signal: request.signal,
    });
    const fields = new Headers(answer.headers);
    // fetch has decoded the content, so neither its length nor its coding is that of the upstream any more.
    for (const name of [...HOP_BY_HOP, 'content-encoding', 'content-length']) fields.delete(name);
    return new Response(answer.body, { status: answer.status, headers: fields });
  } catch (error) {
    if (request.signal.aborted) throw error;
    return new Response('502 Bad Gateway\n', { status: 502 });
  }
}
