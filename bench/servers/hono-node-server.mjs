/** Hono on @hono/node-server: `node hono-node-server.mjs PORT HONO NODE_SERVER`, both paths of packages. */
import { createHonoApp } from './hono-app.mjs';

const [port, honoPath, nodeServerPath] = process.argv.slice(2);
const { Hono } = await import(honoPath);
const { serve } = await import(nodeServerPath);
serve({ fetch: createHonoApp(Hono).fetch, port: Number(port), hostname: '127.0.0.1' });
