/**
 * Hono on Holdfast: `node holdfast-hono.mjs PORT ENGINE HONO`, HONO the path of the package. `globals` gives
 * the application the light Response, as the command line does.
 */
import { serve } from '../../dist/bundle/index.js';
import { createHonoApp } from './hono-app.mjs';

const [port, engine, honoPath] = process.argv.slice(2);
const { Hono } = await import(honoPath);
const app = createHonoApp(Hono);
await serve({ fetch: app.fetch, port: Number(port), hostname: '127.0.0.1', engine, globals: true });
