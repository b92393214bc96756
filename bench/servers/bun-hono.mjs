/** Hono on Bun.serve: `bun bun-hono.mjs PORT HONO`, HONO the path of the package. */
import { createHonoApp } from './hono-app.mjs';

const [port, honoPath] = process.argv.slice(2);
const { Hono } = await import(honoPath);
Bun.serve({ port: Number(port), hostname: '127.0.0.1', fetch: createHonoApp(Hono).fetch });
