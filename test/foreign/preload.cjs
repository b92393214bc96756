/**
 * Loaded before a foreign test (`node --require`): puts `createServer` of this package in the place of node:http's, so that
 * suites written for that run on ours. HOLDFAST_NODE_DOOR names the built door, HOLDFAST_FOREIGN_OPTIONS options for each server.
 * Clients that keep connections leave with the server, so that has the time of node:http's for idle ones.
 */
'use strict';

const http = require('node:http');
const { syncBuiltinESMExports } = require('node:module');
const { createServer } = require(process.env.HOLDFAST_NODE_DOOR);

const extra = { keepAliveTimeout: 5000, ...JSON.parse(process.env.HOLDFAST_FOREIGN_OPTIONS ?? '{}') };
const CoreServer = http.Server;

function server(first, second) {
  if (first != null && typeof first !== 'function' && (typeof first !== 'object' || Array.isArray(first)))
    return createServer(first, second);
  const hasOptions = typeof first === 'object' && first !== null;
  const options = hasOptions ? first : {};
  return createServer({ ...extra, ...options }, hasOptions ? second : (first ?? second));
}

function Server(...given) {
  return server(...given);
}
Server.prototype = CoreServer.prototype;

// A file that leaves something open would be waited for; `--test-force-exit` loses results that are on their way.
const endMs = Number(process.env.HOLDFAST_FOREIGN_END_MS ?? 0);
if (endMs > 0 && process.env.NODE_TEST_CONTEXT !== undefined)
  setTimeout(() => process.exit(1), endMs).unref();

http.createServer = server;
http.Server = Server;
syncBuiltinESMExports();
