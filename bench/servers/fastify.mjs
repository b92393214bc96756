/** Fastify: `node fastify.mjs PORT FASTIFY`, FASTIFY the path of the package. Logging is off, as by default. */
const [port, fastifyPath] = process.argv.slice(2);
const { default: fastify } = await import(fastifyPath);

const app = fastify();
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.get('/', (_request, reply) => reply.type('text/plain').send('Hello, World!'));
app.get('/json', () => ({ message: 'Hello, World!' }));
app.post('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));
app.get('/users/:id', (request, reply) => reply.type('text/plain').send(request.params.id));
await app.listen({ port: Number(port), host: '127.0.0.1' });
