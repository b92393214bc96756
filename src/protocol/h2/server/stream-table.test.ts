import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../base/random.ts';
import { StreamPool } from './h2-stream.ts';
import { END_BY_PEER, END_BY_US, END_UNKNOWN, END_WHOLE, StreamTable } from './stream-table.ts';

test('a table of streams is what a Map is, however many are open and in whatever order they end', () => {
  const random = new SeededRandom(7);
  const pool = new StreamPool();
  const table = new StreamTable();
  const model = new Map<number, unknown>();
  let id = -1;
  for (let step = 0; step < 20_000; step++) {
    const isGrowing = step % 4000 < 2000;
    if (random.chance(isGrowing ? 0.6 : 0.3)) {
      id += 2 * random.between(1, 20);
      const stream = pool.take();
      stream.begin(id, undefined, 0, 0);
      table.add(stream);
      model.set(id, stream);
    } else if (model.size > 0) {
      const picked = [...model.keys()][random.int(model.size)]!;
      const stream = table.find(picked)!;
      table.remove(stream, END_WHOLE, step);
      pool.giveBack(stream);
      model.delete(picked);
      assert.equal(table.howEnded(picked), END_WHOLE);
      assert.equal(table.hasEndedIn(picked, step), true);
      assert.equal(table.hasEndedIn(picked, step + 1), false);
    }
    assert.equal(table.count, model.size);
    if (step % 50 === 0) {
      for (const [each, stream] of model) assert.equal(table.find(each), stream);
      assert.deepEqual(new Set(table.all()), new Set(model.values()));
      assert.equal(table.find(id + 2), undefined);
    }
  }
});

test('those that ended are remembered as long as newer ids do not take their places', () => {
  const table = new StreamTable();
  table.noteEnd(1, END_BY_US, 1);
  table.noteEnd(3, END_BY_PEER, 1);
  assert.deepEqual(
    [table.howEnded(1), table.howEnded(3), table.howEnded(5)],
    [END_BY_US, END_BY_PEER, END_UNKNOWN],
  );
  table.noteEnd(33, END_WHOLE, 2);
  assert.equal(table.howEnded(1), END_UNKNOWN);
});
