/**
 * When the code of HTTP/2 is loaded: with the first connection that speaks it, since a sixth of all that a start would have
 * to read is HTTP/2. That connection's bytes are lent for one call, so it has to be there at once: `require`, which loads
 * ES modules from Node 20.19 and 22.12 on. Where that cannot be, it is loaded before the server listens.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

type Http2Code = typeof import('./http2.ts');

/** Beside this file, built or bundled. */
const FILE = './http2.js';

export class Http2Loader {
  #code: Http2Code | undefined = undefined;

  /** To be awaited before the first connection. */
  async prepare(): Promise<void> {
    // Not there in what somebody else's bundler has made of this package: it follows the import.
    if (!canRequire()) this.#code = await import('./http2.ts');
  }

  get code(): Http2Code {
    this.#code ??= createRequire(import.meta.url)(FILE) as Http2Code;
    return this.#code;
  }
}

function canRequire(): boolean {
  // Node 20.19, 22.10: whether `require` takes ES modules.
  const { require_module: isAble } = process.features as { require_module?: boolean };
  return isAble === true && existsSync(new URL(FILE, import.meta.url));
}
