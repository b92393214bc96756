/** The door for what is made for node:http, `holdfast/node`: re-exports only. */
export { toFetch } from './compat/to-fetch.ts';
export { createServer, serverFactory } from './server/http-server.ts';
