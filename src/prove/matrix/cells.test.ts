/** What the matrix says of results: cells, divergences, the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetResult } from '../results.ts';
import { cellOf, divergencesOf, tableOf } from './cells.ts';

type Result = Pick<TargetResult, 'failed' | 'quiet' | 'slices'>;

const waits = (p99Ms: number) => ({ answered: 10, failed: 0, p50Ms: 1, p99Ms });
const slice = (name: string, ids: [severity: string, id: string][], skipped?: string) => ({
  ...{ name, skipped, beside: waits(9), counters: { asked: 3 } },
  findings: ids.map(([severity, id]) => ({ id: `${name}/${id}`, severity, title: 'A fault.', times: 1 })),
});
const result = (...slices: object[]) => ({ failed: undefined, quiet: waits(2), slices }) as unknown as Result;
const at = (engine: string) => ({ engine, protocol: 'h2-tls' }) as const;

const CELLS = [
  cellOf('shop', at('epoll'), result(slice('sessions', []), slice('sse', [], 'no --events-path was given'))),
  cellOf(
    'shop',
    at('node'),
    result(
      slice('sessions', [
        ['low', 'odd'],
        ['medium', 'slow-beside'],
        ['high', 'lost-write'],
      ]),
      slice('sse', []),
    ),
  ),
  cellOf('shop', at('iouring'), { failed: 'it did not start', quiet: undefined, slices: [] }),
];

test('a cell has the worst verdict, what was found, the waits of what ran, and why the rest did not', () => {
  const [epoll, node, iouring] = CELLS;
  assert.deepEqual([epoll!.verdict, node!.verdict, iouring!.verdict], ['kept', 'high', 'failed']);
  assert.deepEqual(epoll!.beside, { sessions: { p50Ms: 1, p99Ms: 9, failed: 0 } });
  assert.deepEqual(epoll!.skipped, { sse: 'no --events-path was given' });
  assert.deepEqual(node!.findings[0], { id: 'sessions/odd', severity: 'low', title: 'A fault.', times: 1 });
});

test('what one engine does and another does not is told; how long a machine made a client wait is not', () => {
  assert.deepEqual(
    divergencesOf(CELLS).map(({ what, on }) => [what, on.join()]),
    [
      ['skips sse', 'epoll'],
      ['sessions/odd', 'node'],
      ['sessions/lost-write', 'node'],
      ['could not be attacked', 'iouring'],
    ],
  );
  assert.deepEqual(divergencesOf(CELLS.slice(0, 1)), []);
});

test('the table has a row for each application and protocol and a column for each engine', () => {
  const [head, ...rows] = tableOf(CELLS).split('\n');
  assert.deepEqual(head!.trim().split(/ +/), ['epoll', 'node', 'iouring']);
  assert.deepEqual(rows, ['shop h2-tls  kept 2 -> 9 ms  high (3) 2 -> 9 ms  failed']);
});
