// The smallest server there is: `holdfast serve examples/hello.mjs`.
// A handler takes a standard Request and gives a standard Response, at once or as a promise.

export default function handler(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/') return new Response('Hello, World!');
  if (pathname === '/json') return Response.json({ message: 'Hello, World!' });
  if (pathname === '/echo')
    return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } });
  return new Response('Not Found\n', { status: 404 });
}
