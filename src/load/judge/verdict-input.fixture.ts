/** What the verdict is made of, of a run in which nothing is at its limit: tests change what they are about. */
import type { VerdictInput } from './verdict.ts';

/** Ten seconds, 50 connections, 40,000 requests a second at 1.2 ms: everything in use, nothing at its limit. */
export const CALM: VerdictInput = {
  measuredMs: 10_000,
  connections: 50,
  pipeline: 1,
  newConnection: false,
  hasSourceAddresses: false,
  ratePerSecond: undefined,
  dueCount: undefined,
  thinkMs: 0,
  requestCount: undefined,
  answered: 400_000,
  ended: 400_000,
  failedWithoutAnswer: 0,
  refused: 0,
  statuses: {},
  errors: {},
  meanServiceMs: 1.2,
  connectionsOpened: 50,
  threads: [{ wallMs: 10_000, cpuMs: 3000, waitedMs: 100 }],
  cores: 8,
  server: undefined,
  ports: undefined,
  portsMax: undefined,
  descriptorsMax: 20_000,
  network: undefined,
  series: [],
  sendDelayP99Ms: 0.1,
};
