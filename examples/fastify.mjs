// A Fastify app that makes its server of ours: `node examples/fastify.mjs`, or `holdfast serve examples/fastify.mjs`
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { serverFactory } from 'holdfast/node';

const app = Fastify({ serverFactory: serverFactory() });
app.get('/', async (request) => ({ hello: request.ip }));

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(`listening at ${await app.listen({ port: Number(process.env.PORT ?? 3000) })}`);

export default app;
