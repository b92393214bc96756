/** uWebSockets.js: `node uwebsockets.mjs PORT PACKAGE`, PACKAGE its path. */
import { createRequire } from 'node:module';

const [port, packagePath] = process.argv.slice(2);
const uws = createRequire(import.meta.url)(packagePath);

uws
  .App()
  .get('/', (response) => {
    response.writeHeader('content-type', 'text/plain').end('Hello, World!');
  })
  .get('/json', (response) => {
    response
      .writeHeader('content-type', 'application/json')
      .end(JSON.stringify({ message: 'Hello, World!' }));
  })
  .post('/echo', (response) => {
    let body = Buffer.alloc(0);
    response.onAborted(() => {});
    response.onData((chunk, isLast) => {
      // The chunk's memory is the library's and gone after this call; whole bodies come as one chunk.
      body = isLast && body.length === 0 ? Buffer.from(chunk) : Buffer.concat([body, Buffer.from(chunk)]);
      if (!isLast) return;
      response.cork(() => {
        response.writeHeader('content-type', 'application/octet-stream').end(body);
      });
    });
  })
  .get('/users/:id', (response, request) => {
    response.writeHeader('content-type', 'text/plain').end(request.getParameter(0));
  })
  .listen('127.0.0.1', Number(port), (socket) => {
    if (!socket) process.exit(1);
  });
