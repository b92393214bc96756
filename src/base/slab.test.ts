import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_SLOT, Slab } from './slab.ts';

test('slots are dense, and the one released last is given out first', () => {
  const slab = new Slab(10);
  assert.deepEqual([slab.allocate(), slab.allocate(), slab.allocate()], [0, 1, 2]);
  slab.release(0);
  slab.release(2);
  assert.deepEqual([slab.allocate(), slab.allocate(), slab.allocate()], [2, 0, 3]);
  assert.equal(slab.slotEnd, 4);
});

test('a slot that changed owners is told from the one it was', () => {
  const slab = new Slab(4);
  const slot = slab.allocate();
  const generation = slab.generationOf(slot);
  assert.equal(slab.isCurrent(slot, generation), true);
  slab.release(slot);
  assert.equal(slab.isCurrent(slot, generation), false);
  assert.equal(slab.isCurrent(slot, slab.generationOf(slot)), false, 'a free slot belongs to nobody');
  assert.equal(slab.allocate(), slot);
  assert.equal(slab.isCurrent(slot, generation), false);
  assert.equal(slab.isCurrent(slot, slab.generationOf(slot)), true);
});

test('growth ends at the bound, and a released slot makes room again', () => {
  const slab = new Slab(100); // more than the first arrays hold, and no power of two
  for (let i = 0; i < 100; i++) assert.equal(slab.allocate(), i);
  assert.equal(slab.allocate(), NO_SLOT);
  assert.equal(slab.usedCount, 100);
  slab.release(57);
  assert.equal(slab.allocate(), 57);
  assert.equal(slab.allocate(), NO_SLOT);
});

test('generations survive growth', () => {
  const slab = new Slab(1000);
  const slot = slab.allocate();
  for (let i = 0; i < 5; i++) {
    slab.release(slot);
    slab.allocate();
  }
  for (let i = 0; i < 500; i++) slab.allocate();
  assert.equal(slab.generationOf(slot), 5);
  assert.equal(slab.isCurrent(slot, 5), true);
});

test('generations wrap within their bits', () => {
  for (const [bits, last] of [
    [1, 1],
    [3, 7],
    [8, 255],
  ] as const) {
    const slab = new Slab(1, bits);
    for (let owner = 0; owner <= last; owner++) {
      const slot = slab.allocate();
      assert.equal(slab.generationOf(slot), owner);
      slab.release(slot);
    }
    assert.equal(slab.generationOf(slab.allocate()), 0);
  }
});

test('releasing twice, or what was never given out, is our own mistake', () => {
  const slab = new Slab(4);
  const slot = slab.allocate();
  slab.release(slot);
  assert.throws(() => slab.release(slot), /holdfast bug/);
  assert.throws(() => slab.release(3), /holdfast bug/);
  assert.throws(() => slab.release(NO_SLOT), /holdfast bug/);
  assert.throws(() => slab.generationOf(3), /holdfast bug/);
  assert.equal(slab.isUsed(NO_SLOT), false);
  assert.equal(slab.isCurrent(3, 0), false);
});

test('no slot ever has two owners, and every stale handle stays stale', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 400 }), (choices) => {
      const slab = new Slab(90, 16);
      const owned: { slot: number; generation: number }[] = [];
      const stale: { slot: number; generation: number }[] = [];
      for (const choice of choices) {
        if (choice % 3 !== 0 || owned.length === 0) {
          const slot = slab.allocate();
          assert.equal(slot === NO_SLOT, owned.length === 90);
          if (slot === NO_SLOT) continue;
          assert.ok(owned.every((each) => each.slot !== slot));
          owned.push({ slot, generation: slab.generationOf(slot) });
        } else {
          const [gone] = owned.splice(choice % owned.length, 1);
          slab.release(gone!.slot);
          stale.push(gone!);
        }
        assert.equal(slab.usedCount, owned.length);
      }
      for (const { slot, generation } of owned) assert.equal(slab.isCurrent(slot, generation), true);
      for (const { slot, generation } of stale) assert.equal(slab.isCurrent(slot, generation), false);
    }),
  );
});
