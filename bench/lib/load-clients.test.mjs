import assert from 'node:assert/strict';
import { test } from 'node:test';
import { residentBytes } from '../scenarios/idle-memory.mjs';
import { requestBytes, WORKLOADS } from '../workloads.mjs';
import { parseH2load } from './h2load.mjs';
import { chooseClient, parseWrk } from './load-clients.mjs';
import { parseAnswer } from './verify.mjs';

const workload = (id) => WORKLOADS.find((each) => each.id === id);

test('wrk, where it is wished for and there, loads what it can follow; our client the rest', () => {
  assert.equal(chooseClient(workload('plaintext'), 'wrk', true), 'wrk');
  assert.equal(chooseClient(workload('pipeline16'), 'wrk', true), 'own');
  assert.equal(chooseClient(workload('connect'), 'wrk', true), 'own');
  assert.equal(chooseClient(workload('plaintext'), 'own', true), 'own');
  assert.equal(chooseClient(workload('plaintext'), 'wrk', false), 'own');
});

test("the counts are found among wrk's own lines", () => {
  const text = 'Running 1s test\n  1 threads\nbench {"requests":12,"seconds":1.5}\n';
  assert.deepEqual(parseWrk(text), { requests: 12, seconds: 1.5 });
  assert.throws(() => parseWrk('unable to connect'), /wrk gave no counts: unable to connect/);
});

test("h2load's counts are those of answers with a good status", () => {
  const text = 'requests: 90 total, 95 started, 90 done, 88 succeeded, 2 failed, 0 errored, 0 timeout\n';
  assert.deepEqual(parseH2load(text), { requests: 88, failed: 2 });
  assert.throws(() => parseH2load('unable to connect'), /h2load gave no counts: unable to connect/);
});

test('the request with browser headers has twenty fields', () => {
  const lines = requestBytes(workload('headers20'), 80).toString().trim().split('\r\n');
  assert.equal(lines.length - 1, 20);
});

test('the echo request frames its body of 1 KiB', () => {
  const [head, body] = requestBytes(workload('post-echo'), 80).toString().split('\r\n\r\n');
  assert.match(head, /\r\nContent-Length: 1024$/);
  assert.equal(body.length, 1024);
});

test('a request with noise frames all of its body, and a NUL stands for the noise', () => {
  const { fillBytes, bodyEnd } = workload('formdata');
  const [head, body] = requestBytes(workload('formdata'), 80)
    .toString()
    .split(/\r\n\r\n(.*)/s);
  const [before, after] = body.split('\0');
  assert.equal(after, bodyEnd);
  assert.ok(head.endsWith(`\r\nContent-Length: ${before.length + fillBytes + after.length}`));
  assert.ok(before.startsWith('--') && before.endsWith('\r\n\r\n'));
});

test('an answer is awaited until its body is whole', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: now\r\nContent-Length: 5\r\n\r\n';
  assert.equal(parseAnswer(head.slice(0, -2)), undefined);
  assert.equal(parseAnswer(`${head}hell`), undefined);
  assert.deepEqual(parseAnswer(`${head}hello`), {
    status: 200,
    type: 'text/plain',
    date: true,
    body: 'hello',
  });
});

test('an answer that the load client could not frame is refused', () => {
  assert.throws(
    () => parseAnswer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    /Content-Length/,
  );
});

test('resident memory is read in bytes', () => {
  assert.equal(residentBytes('VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n'), 2 * 1024 * 1024);
});
