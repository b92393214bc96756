/**
 * Code that is loaded when it is first needed, since a start has to read all that it loads: HTTP/2, a sixth of a server, with the first
 * connection that speaks it, WebSocket with the first request that asks for it. What it is needed for is lent for one call,
 * so it has to be there at once: `require`, which loads ES modules from Node 20.19 and 22.12 on. Where that cannot be, it is loaded
 * before the server listens.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

export class LateCode<T> {
  #code: T | undefined = undefined;
  readonly #file: string;
  readonly #load: () => Promise<T>;

  /** @param file beside this one, built or bundled; `load` imports the same */
  constructor(file: string, load: () => Promise<T>) {
    this.#file = file;
    this.#load = load;
  }

  /** To be awaited before the first connection. */
  async prepare(): Promise<void> {
    // Not there in what somebody else's bundler has made of this package: it follows the import.
    if (!canRequire(this.#file)) this.#code = await this.#load();
  }

  get loaded(): T {
    this.#code ??= createRequire(import.meta.url)(this.#file) as T;
    return this.#code;
  }
}

function canRequire(file: string): boolean {
  // Node 20.19, 22.10: whether `require` takes ES modules.
  const { require_module: isAble } = process.features as { require_module?: boolean };
  return isAble === true && existsSync(new URL(file, import.meta.url));
}
