/** Bun.serve with the handler that Holdfast runs: `bun bun-serve.mjs PORT`. */
import { createFetchHandler } from './fetch-handler.mjs';

Bun.serve({ port: Number(process.argv[2]), hostname: '127.0.0.1', fetch: createFetchHandler(Response) });
