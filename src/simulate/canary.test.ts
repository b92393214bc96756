import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLANTED } from './planted.fixture.ts';
import { runSeed } from './run.ts';

/** A planted bug that takes more seeds than this to be found would pass unseen in a short run. */
const SEEDS_MAX = 200;

for (const [bug, options] of Object.entries(PLANTED)) {
  test(`canary: it is found that ${bug}`, async (context) => {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { findings } = await runSeed(seed, options);
      if (findings.length === 0) continue;
      context.diagnostic(`by seed ${seed}: ${findings[0]}`);
      return;
    }
    assert.fail(`not found in ${SEEDS_MAX} seeds`);
  });
}
