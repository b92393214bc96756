/** A plan with something in every field, for tests of what travels. */
import type { LoadPlan } from '../plan/load-plan.ts';

export const SAMPLE_PLAN: LoadPlan = {
  targets: [
    {
      origin: 'http://10.0.0.9:8080',
      authority: '10.0.0.9:8080',
      connects: [
        { family: 'IPv4', address: '10.0.0.9', port: 8080 },
        { family: 'IPv4', address: '10.0.0.10', port: 8080 },
      ],
    },
    {
      origin: 'https://[::1]:81',
      authority: '[::1]:81',
      connects: [{ family: 'IPv6', address: '::1', port: 81, serverName: 'b.example' }],
    },
  ],
  requests: [
    {
      target: 0,
      method: 'GET',
      url: 'http://10.0.0.9:8080/',
      path: '/',
      bytes: Uint8Array.of(71, 0, 255, 13),
    },
    { target: 1, method: 'POST', url: 'https://[::1]:81/p', path: '/p', bytes: Uint8Array.of(80) },
  ],
  randomOrder: true,
  connections: 100,
  threads: 2,
  protocol: 'http/1.1',
  pipeline: 4,
  engine: 'auto',
  ratePerSecond: 1234.5,
  phase: 0.25,
  durationMs: 10_000,
  requestCount: 5000,
  warmupMs: 1000,
  rampMs: 500,
  thinkMinMs: 1,
  thinkMaxMs: 2,
  timeoutMs: 10_000,
  newConnection: true,
  sourceAddresses: ['127.0.0.2', '127.0.0.3'],
  script: undefined,
  tls: { insecure: false, ca: ['root'], cert: 'chain', key: 'key', resume: true },
  seed: 7,
};
