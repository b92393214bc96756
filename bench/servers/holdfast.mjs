/** Holdfast with its own light Response: `node holdfast.mjs PORT ENGINE`. Default limits, one worker. */
import { Response, serve } from '../../dist/bundle/index.js';
import { createFetchHandler } from './fetch-handler.mjs';

const [port, engine] = process.argv.slice(2);
await serve({ fetch: createFetchHandler(Response), port: Number(port), hostname: '127.0.0.1', engine });
