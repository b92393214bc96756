/**
 * What it costs to call a handler in an async context of its own, in nanoseconds of CPU beside a plain call, with
 * and without an AsyncLocalStorage in use. Run after a build: `node bench/micro/async-scope.mjs`, in each Node.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { AsyncScope } from '../../dist/http/async-scope.js';

const CALLS = 2_000_000;
const ROUNDS = 5;
const scope = new AsyncScope();
const storage = new AsyncLocalStorage();
const exchange = { calls: 0 };

function call() {
  this.calls++;
}
function callThatStores() {
  storage.enterWith(this);
}

function measure(one) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) one();
    best = Math.min(best, (process.cpuUsage(before).user * 1000) / CALLS);
  }
  return best;
}

function print(what, ns) {
  console.log(`${process.version}  ${what.padEnd(44)} ${ns.toFixed(1).padStart(6)} ns`);
}

print(
  'a plain call',
  measure(() => call.call(exchange)),
);
print(
  'in a context of its own',
  measure(() => scope.run(call, exchange)),
);
storage.run(1, () => {});
print(
  'the same, while a storage is in use',
  measure(() => scope.run(call, exchange)),
);
print(
  'the same, where the handler stores something',
  measure(() => scope.run(callThatStores, exchange)),
);
