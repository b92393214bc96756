/** A result as a run makes it, small enough to be read beside the text that is drawn of it. */
import type { LatencySummary, LoadResult } from './load-result.ts';

function summary(count: number, scale: number): LatencySummary {
  return {
    count,
    minMs: 0.05 * scale,
    meanMs: 0.4567 * scale,
    stdevMs: 0.2 * scale,
    maxMs: 31.5 * scale,
    percentilesMs: { '50': 0.4 * scale, '75': 0.6 * scale, '90': 0.9 * scale, '95': 1.1 * scale, '99': 2.345 * scale, '99.9': 9.999 * scale, '99.99': 25 * scale },
    histogram: '',
    curve: [[0, 0.05 * scale], [100, 31.5 * scale]],
  }; // biome-ignore format: a summary a line
}

const ANSWERED = 1_234_567;

/** Ten seconds of plain keep-alive against a server of one thread at its limit. */
export const PLAIN_RESULT: LoadResult = {
  version: 2,
  holdfastVersion: '0.1.0',
  startedAt: '2025-11-21T18:40:12.000Z',
  plan: {
    urls: ['http://127.0.0.1:8080/'],
    method: 'GET',
    connections: 50,
    threads: 1,
    protocol: 'http/1.1',
    pipeline: 1,
    engine: 'iouring',
    ratePerSecond: undefined,
    durationMs: 10_000,
    requestCount: undefined,
    warmupMs: 1000,
    rampMs: 0,
    thinkMinMs: 0,
    thinkMaxMs: 0,
    timeoutMs: 10_000,
    newConnection: false,
    sourceAddresses: [],
    addresses: ['127.0.0.1:8080'],
    script: undefined,
  },
  machines: [
    {
      name: 'local',
      os: 'Linux',
      cpu: 'CPU',
      cores: 8,
      memoryBytes: 2 ** 34,
      node: '24.0.0',
      answered: ANSWERED,
    },
  ],
  durationMs: 10_003,
  settledMs: 10_003,
  interrupted: false,
  requests: {
    sent: ANSWERED,
    answered: ANSWERED,
    succeeded: ANSWERED,
    failed: 0,
    unfinished: 0,
    notSent: 0,
    waitingAtEnd: 0,
    resent: 0,
    answeredPerSecond: 123_420,
  },
  statuses: { '200': ANSWERED },
  errors: {},
  bytesReceived: 198_765_432,
  bytesSent: 54_320_948,
  latency: summary(ANSWERED, 1),
  serviceTime: undefined,
  connectTime: summary(50, 2),
  byUrl: [],
  otherUrls: undefined,
  connections: {
    opened: 50,
    reused: ANSWERED - 50,
    refused: 0,
    reset: 0,
    timedOut: 0,
    closedEarly: 0,
    unsolicited: 0,
    failed: 0,
    openMax: 50,
    sourcePortsMax: 50,
    sourcePortsAvailable: 28_232,
  },
  series: [],
  cpu: {
    clientUserMs: 900,
    clientSystemMs: 6000,
    clientWaitedMs: 20,
    serverUserMs: 2000,
    serverSystemMs: 7900,
  },
  verdict: {
    limit: 'server-cpu',
    sentence: 'limited by: server CPU (its thread was at work 99.0 % of the time; 0.99 cores in all)',
    evidence: [
      'client: 1 thread at work 69.0 %, without a core 0.20 % of the time',
      'server: 1 thread at work 99.0 %, without a core 0.10 %; 0.99 cores in all',
    ],
    remedies: [],
  },
  thresholds: [],
  checks: {},
  limitSearch: [],
};

/** Everything that can go wrong, and everything that can be asked for. */
export const TROUBLED_RESULT: LoadResult = {
  ...PLAIN_RESULT,
  interrupted: true,
  plan: {
    ...PLAIN_RESULT.plan,
    urls: ['http://127.0.0.1:8080/a', 'http://127.0.0.1:8080/b', 'http://127.0.0.1:8080/c'],
    method: 'GET, POST',
    connections: 1000,
    threads: 4,
    ratePerSecond: 14_000,
    newConnection: true,
    warmupMs: 0,
    rampMs: 2000,
  },
  durationMs: 6400,
  settledMs: 7400,
  requests: { sent: 70_000, answered: 61_000, succeeded: 60_000, failed: 21_845, unfinished: 500, notSent: 12_345, waitingAtEnd: 13_000, resent: 321, answeredPerSecond: 8243.24 },
  statuses: { '200': 60_000, '404': 10, '503': 990 },
  errors: { EADDRNOTAVAIL: 8000, timeout: 400, ECONNRESET: 100 },
  latency: summary(61_400, 40),
  serviceTime: summary(61_400, 1),
  connections: { ...PLAIN_RESULT.connections, opened: 61_500, reused: 0, reset: 100, failed: 8000, openMax: 1000, sourcePortsMax: 28_232 },
  verdict: {
    limit: 'ephemeral-ports',
    sentence: 'limited by: ephemeral ports (28,232 to one destination; at 9,609 connections/s they last 2.9 s, and each is held for 60 s; 8,000 connections found none free)',
    evidence: ['client: busiest of 4 threads at work 31.0 %, without a core 2.00 % of the time', 'source ports: 28,232 of 28,232 in use at the most'],
    remedies: ['--source-addresses 127.0.0.2-127.0.0.9: each address has ports of its own, here 8 times as many', "sysctl -w net.ipv4.ip_local_port_range='10240 65535'"],
  },
  thresholds: [
    { name: 'p99 <= 10 ms', limit: 10, measured: 93.8, isMet: false },
    { name: 'error rate <= 20.0 %', limit: 0.2, measured: 0.1349, isMet: true },
  ],
  checks: { 'is JSON': { passed: 60_000, failed: 0 }, 'has an id': { passed: 59_000, failed: 1000 } },
  limitSearch: [
    { ratePerSecond: 5000, achievedPerSecond: 4998, measuredMs: 2.5, failedShare: 0, isMet: true },
    { ratePerSecond: 14_000, achievedPerSecond: 9531, measuredMs: 93.8, failedShare: 0, isMet: false, missedBy: 'latency' },
  ],
}; // biome-ignore format: a part a line

/** Three URLs of one server, one of which is not there, and all others together. */
export const URLS_RESULT: LoadResult = {
  ...PLAIN_RESULT,
  byUrl: [
    { method: 'GET', url: 'http://127.0.0.1:8080/', answered: 1_000_000, failed: 0, statuses: { '200': 1_000_000 }, latency: summary(1_000_000, 1) },
    { method: 'GET', url: 'http://127.0.0.1:8080/products/list/of/all?category=lamps&sort=price', answered: 9567, failed: 3, statuses: { '200': 9567 }, latency: summary(9570, 30) },
    { method: 'POST', url: 'http://127.0.0.1:8080/basket', answered: 25_000, failed: 25_000, statuses: { '404': 24_990, '503': 10 }, latency: summary(25_000, 0.1) },
  ],
  otherUrls: { method: '', url: '', answered: 200_000, failed: 0, statuses: { '200': 200_000 }, latency: summary(200_000, 1) },
}; // biome-ignore format: a URL a line
