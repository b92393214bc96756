/**
 * The fetch classes that Node brings along, taken once, before anybody can patch the globals. Ours
 * stand in front of them: an object of ours has the platform's prototype behind its own, so that
 * `instanceof` holds, and it never runs the platform's constructor (measured on Node 20: 15 us for a
 * Response, 5 for a Request) unless something is asked for that only the platform has.
 */

export const PlatformRequest = globalThis.Request;
export type PlatformRequest = globalThis.Request;
export const PlatformResponse = globalThis.Response;
export type PlatformResponse = globalThis.Response;
export const PlatformHeaders = globalThis.Headers;
export type PlatformHeaders = globalThis.Headers;

export type HeadersInit = NonNullable<ConstructorParameters<typeof globalThis.Headers>[0]>;
export type RequestInit = NonNullable<ConstructorParameters<typeof globalThis.Request>[1]>;

interface Constructor {
  readonly prototype: object;
}

/** Puts the platform's prototype behind ours. Not `extends`: a derived constructor has to run its parent's. */
export function standInFor(ours: Constructor, platform: Constructor): void {
  Object.setPrototypeOf(ours.prototype, platform.prototype);
}

/**
 * Makes `value instanceof ours` hold for the platform's objects too. A class derived from ours, which
 * inherits the test, has only its own instances.
 */
export function recognisePlatform(ours: Constructor, platform: Constructor): void {
  Object.defineProperty(ours, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      return Function.prototype[Symbol.hasInstance].call(this === ours ? platform : this, value);
    },
  });
}

/**
 * Where the platform keeps its state under symbols (undici 6: Node 20 and 22), the platform's own code
 * reads those of any object that is `instanceof` its class. Answering them from a platform object made
 * on the spot lets `fetch(ours)` and `new Request(ours)` work with no global patched. Later versions
 * use private fields, which nobody can answer for: there, `clone()` or `installGlobals()`.
 *
 * @param sample an object of the platform's, to learn the symbols from
 * @param materialise makes the platform object that stands for ours; called once for each first symbol
 */
export function answerPlatformSlots<T extends object>(
  ours: { readonly prototype: T },
  sample: object,
  materialise: (value: T) => object,
): void {
  const made = new WeakMap<T, object>();
  for (const slot of Object.getOwnPropertySymbols(sample)) {
    Object.defineProperty(ours.prototype, slot, {
      configurable: true,
      get(this: T): unknown {
        let platform = made.get(this);
        if (platform === undefined) {
          platform = materialise(this);
          made.set(this, platform);
        }
        return Reflect.get(platform, slot);
      },
    });
  }
}

/**
 * What the platform's Response was made of, where it can be seen (undici 6): a string or bytes, which
 * can be sent at once and with a Content-Length, in place of a stream that has to be read by promises.
 * @returns undefined where it cannot be seen or the body is a stream
 */
export function platformBodySource(response: PlatformResponse): string | Uint8Array | undefined {
  for (const slot of Object.getOwnPropertySymbols(response)) {
    if (slot.description !== 'state') continue;
    const state: unknown = Reflect.get(response, slot);
    const source = (state as { body?: { source?: unknown } | null } | undefined)?.body?.source;
    return typeof source === 'string' || source instanceof Uint8Array ? source : undefined;
  }
  return undefined;
}
