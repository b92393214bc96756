import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DURATION_BOUNDS_SECONDS, DurationHistogram, emptyCounts } from './duration-histogram.ts';
import { checkExposition } from './exposition-rules.contract.ts';
import { readProcessNumbers } from './process-numbers.ts';
import { type ServerNumbers, serverMetrics } from './server-metrics.ts';

const durations = new DurationHistogram();
durations.record(0.2, 4);
durations.record(4);
durations.record(70_000);

const NUMBERS: ServerNumbers = {
  requests: 7,
  aborted: 1,
  statusClasses: { '2xx': 5, '4xx': 1 },
  faults: { 'header-timeout': 1 },
  websocket: { opened: 2, messagesReceived: 3, messagesSent: 4, messagesDropped: 1, pingsSent: 5 },
  pubsubDropped: { thread: 3, machine: 0 },
  http2Limits: { resets: 2, pings: 0 },
  tls: { events: { full: 3, late: 1 }, errors: { ERR_SSL_HTTP_REQUEST: 2 } },
  closeReasons: { 'idle-timeout': 2, 'a "reason"': 1 },
  deadlines: { header: 1, idle: 2 },
  states: { idle: 3, exchange: 1 },
  unsentBytes: 65_550,
  engine: {
    accepted: 7,
    bytesReceived: 10,
    bytesSent: 20,
    turns: 30,
    acceptPauses: 0,
    receiveBufferExhaustions: 0,
    submissionQueueFull: 0,
    completionQueueOverflows: 0,
  },
  workers: 2,
  durations: durations.snapshot(),
  byWorker: {
    '0': { requests: 4, loopLag: emptyCounts() },
    '1': { requests: 3, loopLag: durations.snapshot() },
  },
};
const FACTS = { version: '0.1.0', engine: 'node', nodeVersion: 'v20', isReady: true };
const text = serverMetrics(NUMBERS, FACTS, readProcessNumbers());

test('every number has its metric', () => {
  for (const line of [
    'holdfast_build_info{version="0.1.0",engine="node",node="v20"} 1',
    'holdfast_ready 1',
    'holdfast_workers 2',
    'holdfast_requests_total 7',
    'holdfast_responses_total{class="4xx"} 1',
    'holdfast_requests_aborted_total 1',
    'holdfast_faults_total{fault="header-timeout"} 1',
    'holdfast_http2_limits_total{limit="resets"} 2',
    'holdfast_http2_limits_total{limit="pings"} 0',
    'holdfast_pubsub_dropped_total{to="thread"} 3',
    'holdfast_pubsub_dropped_total{to="machine"} 0',
    'holdfast_connections{state="idle"} 3',
    'holdfast_tls_total{event="late"} 1',
    'holdfast_tls_errors_total{error="ERR_SSL_HTTP_REQUEST"} 2',
    'holdfast_connections_accepted_total 7',
    'holdfast_connections_closed_total{reason="idle-timeout"} 2',
    'holdfast_connections_closed_total{reason="a \\"reason\\""} 1',
    'holdfast_deadlines_total{deadline="idle"} 2',
    'holdfast_received_bytes_total 10',
    'holdfast_sent_bytes_total 20',
    'holdfast_unsent_bytes 65550',
    'holdfast_engine_turns_total 30',
    'holdfast_http_request_duration_seconds_bucket{le="0.00025"} 4',
    'holdfast_http_request_duration_seconds_bucket{le="0.005"} 5',
    'holdfast_http_request_duration_seconds_bucket{le="60"} 5',
    'holdfast_http_request_duration_seconds_bucket{le="+Inf"} 6',
    'holdfast_http_request_duration_seconds_sum 70.0048',
    'holdfast_http_request_duration_seconds_count 6',
    'holdfast_worker_requests_total{worker="1"} 3',
    'holdfast_event_loop_lag_seconds_bucket{worker="0",le="+Inf"} 0',
    'holdfast_event_loop_lag_seconds_count{worker="1"} 6',
  ])
    assert.ok(text.includes(`\n${line}\n`), line);
});

test('the text keeps all rules of the format, and has the buckets that people chart', () => {
  const families = checkExposition(text);
  assert.equal(families.get('holdfast_http_request_duration_seconds')?.type, 'histogram');
  for (const bound of [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    assert.ok(DURATION_BOUNDS_SECONDS.includes(bound), String(bound));
});

test('the process tells what it costs', () => {
  const own = readProcessNumbers();
  assert.ok(own.cpuSeconds > 0 && own.residentBytes > 1e6);
  assert.ok(Math.abs(own.startedAtSeconds * 1000 + process.uptime() * 1000 - Date.now()) < 2000);
  assert.ok(own.openDescriptors === undefined || own.openDescriptors > 2);
});
