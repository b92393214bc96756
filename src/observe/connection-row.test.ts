import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressText,
  busiestFirst,
  type ConnectionRow,
  firstSample,
  type Look,
  movementOf,
} from './connection-row.ts';

const ACCEPTED_MS = 1000;

function look(nowMs: number, over: Partial<Look> = {}): Look {
  return {
    nowMs,
    bytesReceived: 100,
    bytesMoved: 0,
    isWaiting: true,
    noticedMs: ACCEPTED_MS,
    lastAckAtMs: undefined,
    ...over,
  };
}

test('the first look takes rates from accept on', () => {
  const { rateBytesPerSecond } = movementOf(firstSample(ACCEPTED_MS), look(3000, { bytesMoved: 3900 }));
  assert.equal(rateBytesPerSecond, 2000);
});

test('later looks take rates from the look before, unless that was only a moment ago', () => {
  const first = movementOf(firstSample(ACCEPTED_MS), look(2000, { bytesMoved: 1000 }));
  const soon = movementOf(first.sample, look(2100, { bytesMoved: 1000 }));
  assert.equal(soon.rateBytesPerSecond, 0);
  const later = movementOf(soon.sample, look(3000, { bytesMoved: 1500 }));
  assert.equal(later.rateBytesPerSecond, 500, 'counted from 2000, not from 2100');
});

test('a reader that has stopped stalls for longer at every look', () => {
  const first = movementOf(firstSample(ACCEPTED_MS), look(2000, { bytesMoved: 500, noticedMs: 1200 }));
  assert.equal(first.stallMs, 800);
  const second = movementOf(first.sample, look(3000, { bytesMoved: 500, noticedMs: 1200 }));
  assert.equal(second.stallMs, 1800);
});

test('answered probes of a closed window are no movement', () => {
  const first = movementOf(firstSample(ACCEPTED_MS), look(2000, { bytesMoved: 500, lastAckAtMs: 1990 }));
  const second = movementOf(first.sample, look(3000, { bytesMoved: 500, lastAckAtMs: 2990 }));
  assert.equal(first.stallMs, 1000);
  assert.equal(second.stallMs, 2000);
});

test('movement between two looks is dated by the last acknowledgement, or by the look where none is known', () => {
  const first = movementOf(firstSample(ACCEPTED_MS), look(2000, { bytesMoved: 500 }));
  const acknowledged = movementOf(first.sample, look(3000, { bytesMoved: 600, lastAckAtMs: 2900 }));
  assert.equal(acknowledged.stallMs, 100);
  assert.equal(movementOf(first.sample, look(3000, { bytesMoved: 600 })).stallMs, 0);
});

test('an estimate that steps back is no movement, and neither is its recovery', () => {
  const first = movementOf(firstSample(ACCEPTED_MS), look(2000, { bytesMoved: 500 }));
  const back = movementOf(first.sample, look(3000, { bytesMoved: 450 }));
  const again = movementOf(back.sample, look(4000, { bytesMoved: 500 }));
  assert.equal(again.stallMs, 3000);
  assert.equal(back.rateBytesPerSecond, 0);
});

test('nothing stalls while nothing waits', () => {
  assert.equal(movementOf(firstSample(ACCEPTED_MS), look(9000, { isWaiting: false })).stallMs, 0);
});

test('addresses are written as in URLs', () => {
  assert.equal(addressText({ family: 'IPv4', address: '127.0.0.1', port: 80 }), '127.0.0.1:80');
  assert.equal(addressText({ family: 'IPv6', address: '::1', port: 80 }), '[::1]:80');
  assert.equal(addressText({ family: 'unix', address: '', port: 0 }), 'unix');
  assert.equal(addressText(undefined), '');
});

test('who stalls comes first, then who has most waiting, then the oldest', () => {
  const row = (id: number, stallMs: number, unsentBytes: number, ageMs: number) =>
    ({ id, stallMs, unsentBytes, ageMs }) as ConnectionRow;
  const rows = [row(1, 0, 0, 5), row(2, 0, 0, 9), row(3, 0, 7, 1), row(4, 3, 1, 1)].sort(busiestFirst);
  assert.deepEqual(
    rows.map(({ id }) => id),
    [4, 3, 2, 1],
  );
});
