/** A load plan for tests: one request to one target; each test changes what it is about. */
import type { LoadPlan } from './load-plan.ts';

export const PLAN: LoadPlan = {
  targets: [
    { origin: 'http://a', authority: 'a', connects: [{ family: 'IPv4', address: '127.0.0.1', port: 80 }] },
  ],
  requests: [
    {
      target: 0,
      method: 'GET',
      url: 'http://a/',
      path: '/',
      bytes: new TextEncoder().encode('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    },
  ],
  randomOrder: false,
  connections: 1,
  threads: 1,
  protocol: 'http/1.1',
  pipeline: 1,
  engine: 'auto',
  ratePerSecond: undefined,
  phase: 0,
  durationMs: 1000,
  requestCount: undefined,
  warmupMs: 0,
  rampMs: 0,
  thinkMinMs: 0,
  thinkMaxMs: 0,
  timeoutMs: 1000,
  newConnection: false,
  sourceAddresses: [],
  script: undefined,
  tls: undefined,
  seed: 1,
};
