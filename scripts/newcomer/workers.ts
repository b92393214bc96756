/** Two worker threads that serve a module of their own, and a reload under way. */
import { serve } from 'holdfast';

const server = await serve({ port: 0, workers: 2, module: new URL('./app.js', import.meta.url) });
const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${server.url}/json`)));
for (const answer of answers) {
  const { path } = (await answer.json()) as { path: string };
  if (path !== '/json') throw new Error(`the worker saw ${path}`);
}
await server.reload();
const { requests, workers } = await server.stats();
if (workers !== 2 || requests < 20) throw new Error(`${requests} requests by ${workers} workers`);
await server.close();
console.log(`${workers} workers answered`);
