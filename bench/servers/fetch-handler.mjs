/**
 * The benchmark's fetch handler, one for every server that runs one: Holdfast and Bun.serve run these very
 * lines. Routes by slicing the URL, as handlers without a router do; the Response class is the caller's.
 */
import { download, formdata, MIB, upload } from './bulk.mjs';

const USERS = '/users/';

export function createFetchHandler(Response) {
  const octets = { headers: { 'content-type': 'application/octet-stream' } };
  const echo = async (request) => new Response(await request.arrayBuffer(), octets);
  return (request) => {
    const url = request.url;
    const path = url.slice(url.indexOf('/', 8));
    if (path === '/') return new Response('Hello, World!');
    if (path === '/json') return Response.json({ message: 'Hello, World!' });
    if (path === '/echo' && request.method === 'POST') return echo(request);
    if (path.startsWith(USERS)) return new Response(path.slice(USERS.length));
    if (path === '/mib') return new Response(MIB, octets);
    if (path === '/upload') return upload(request, Response);
    if (path === '/download') return download(Response);
    if (path === '/formdata') return formdata(request, Response);
    return new Response('Not Found', { status: 404 });
  };
}
