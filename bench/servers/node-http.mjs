/** node:http, with nothing between: `node node-http.mjs PORT`. */
import { createServer } from 'node:http';
import { downloadFromNode, uploadToNode } from './bulk.mjs';

const server = createServer((request, response) => {
  const path = request.url;
  if (path === '/') return answer(response, 'text/plain', 'Hello, World!');
  if (path === '/json')
    return answer(response, 'application/json', JSON.stringify({ message: 'Hello, World!' }));
  if (path.startsWith('/users/')) return answer(response, 'text/plain', path.slice(7));
  if (path === '/echo') {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => answer(response, 'application/octet-stream', Buffer.concat(chunks)));
    return;
  }
  if (path === '/upload') return uploadToNode(request, (text) => answer(response, 'text/plain', text));
  if (path === '/download') return downloadFromNode(response);
  response.writeHead(404).end();
});

function answer(response, type, body) {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

server.listen(Number(process.argv[2]), '127.0.0.1');
