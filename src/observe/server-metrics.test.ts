import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProcessNumbers } from './process-numbers.ts';
import { type ServerNumbers, serverMetrics } from './server-metrics.ts';

const NUMBERS: ServerNumbers = {
  requests: 7,
  aborted: 1,
  statusClasses: { '2xx': 5, '4xx': 1 },
  faults: { 'header-timeout': 1 },
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
    'holdfast_connections{state="idle"} 3',
    'holdfast_connections_accepted_total 7',
    'holdfast_connections_closed_total{reason="idle-timeout"} 2',
    'holdfast_connections_closed_total{reason="a \\"reason\\""} 1',
    'holdfast_deadlines_total{deadline="idle"} 2',
    'holdfast_received_bytes_total 10',
    'holdfast_sent_bytes_total 20',
    'holdfast_unsent_bytes 65550',
    'holdfast_engine_turns_total 30',
  ])
    assert.ok(text.includes(`\n${line}\n`), line);
});

test('every line is a comment or a sample as the format has it, and the last one ends', () => {
  assert.ok(text.endsWith('\n'));
  const sample = /^[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.e+]+$/;
  for (const line of text.trimEnd().split('\n'))
    assert.ok(/^# (HELP|TYPE) [a-z_]+ \S/.test(line) || sample.test(line), line);
});

test('the process tells what it costs', () => {
  const own = readProcessNumbers();
  assert.ok(own.cpuSeconds > 0 && own.residentBytes > 1e6);
  assert.ok(Math.abs(own.startedAtSeconds * 1000 + process.uptime() * 1000 - Date.now()) < 2000);
  assert.ok(own.openDescriptors === undefined || own.openDescriptors > 2);
});
