/**
 * Async contexts: every handler starts in one of its own, so that nothing which one request put into an
 * AsyncLocalStorage is ever seen by another. The engines call handlers from their turns, and a turn may run in
 * the context of whatever made it necessary, be it the answer to another client.
 *
 * The context of the thread is where the server was started: what its program had stored then, every handler
 * sees. Where contexts are immutable frames (Node 24), going back to that one before each handler is all there
 * is to do: 15 ns. Before, a store is a property of the current async resource, and each handler needs a
 * resource of its own: 50 ns, and 65 while an AsyncLocalStorage is in use (bench/micro/async-scope.mjs).
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

const TYPE = 'HOLDFAST_REQUEST';
/** Without it Node registers each resource with the garbage collector, to tell hooks of its end: 150 ns. */
const OPTIONS = { requireManualDestroy: true };

/** Made together, where each needs a resource of its own. */
const RESOURCES_MADE = 64;

export class AsyncScope {
  readonly #base = new AsyncResource(TYPE, OPTIONS);
  readonly #isShared = keepsNoStores();
  readonly #unused: AsyncResource[] = [];

  /** Calls `work` with `self` as its `this`, in a context that is like no other. @hot */
  run<T>(work: (this: T) => void, self: T): void {
    const resource = this.#isShared ? this.#base : this.#fresh();
    resource.runInAsyncScope(work, self);
  }

  #fresh(): AsyncResource {
    // They are made within the base, since a resource begins with the stores of the one in which it is made.
    if (this.#unused.length === 0) this.#base.runInAsyncScope(addResources, this.#unused);
    return this.#unused.pop()!;
  }
}

/** The context that is current now, for what belongs to the same request and happens later. */
export function currentContext(): AsyncResource {
  return new AsyncResource(TYPE, OPTIONS);
}

function addResources(this: AsyncResource[]): void {
  for (let i = 0; i < RESOURCES_MADE; i++) this.push(new AsyncResource(TYPE, OPTIONS));
}

/**
 * Whether a resource can be used again, because what is stored within `runInAsyncScope` is gone after it. To
 * find that out in an older Node would switch its promise hooks on, and some of what that slows down stays slow.
 */
function keepsNoStores(): boolean {
  if (Number.parseInt(process.versions.node, 10) < 24) return false;
  const resource = new AsyncResource(TYPE, OPTIONS);
  const storage = new AsyncLocalStorage<boolean>();
  resource.runInAsyncScope(() => storage.enterWith(true));
  const isKept = resource.runInAsyncScope(() => storage.getStore()) === true;
  storage.disable();
  return !isKept;
}
