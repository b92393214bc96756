/** node:http2 with its compatibility API, as frameworks use it, in the clear: `node node-http2.mjs PORT`. */
import { createServer } from 'node:http2';
import { MIB, uploadToNode } from './bulk.mjs';

const server = createServer((request, response) => {
  const { url } = request;
  if (url === '/') return answer(response, 'text/plain', 'Hello, World!');
  if (url === '/mib') return answer(response, 'application/octet-stream', MIB);
  if (url === '/upload') return uploadToNode(request, (text) => answer(response, 'text/plain', text));
  response.writeHead(404).end();
});

function answer(response, type, body) {
  response.writeHead(200, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}

server.listen(Number(process.argv[2]), '127.0.0.1');
