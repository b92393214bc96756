/**
 * The fetch classes that Node brings along, as they were before anybody could patch the globals. Ours
 * stand in front of them: an object of ours has the platform's prototype behind its own, so that
 * `instanceof` holds, and it never runs the platform's constructor (measured on Node 20: 15 us for a
 * Response, 5 for a Request) unless something is asked for that only the platform has.
 *
 * Node loads them when they are first asked for, which costs 50 ms of CPU time. So do we: when the first object of ours
 * is made, or, where `installGlobals` has put ours in their place, when somebody asks for what only they can do.
 */

interface Platform {
  readonly Request: typeof globalThis.Request;
  readonly Response: typeof globalThis.Response;
  readonly Headers: typeof globalThis.Headers;
}
export type PlatformRequest = globalThis.Request;
export type PlatformResponse = globalThis.Response;

export type HeadersInit = NonNullable<ConstructorParameters<typeof globalThis.Headers>[0]>;
export type RequestInit = NonNullable<ConstructorParameters<typeof globalThis.Request>[1]>;

type Name = keyof Platform;

/**
 * Node's own getters, which give the originals whatever has been put in their place since. From Node 24 on there are
 * none: the very sight of such a property loads what is behind it (lazy data properties), so there the classes are
 * those that the globals hold when they are first needed.
 */
const GETTERS: Readonly<Record<Name, (() => unknown) | undefined>> = {
  Request: getterOf('Request'),
  Response: getterOf('Response'),
  Headers: getterOf('Headers'),
};

/** Unlike Object.getOwnPropertyDescriptor it does not wake a lazy data property. */
function getterOf(name: Name): (() => unknown) | undefined {
  return (globalThis as unknown as ObjectWithAccessors).__lookupGetter__(name);
}

/** ECMA-262, annex B.2.2: not in TypeScript's library, and in every engine. */
interface ObjectWithAccessors {
  __lookupGetter__(name: string): (() => unknown) | undefined;
}

let loaded: Platform | undefined;
let isNeededAtOnce = true;
const links: ((platform: Platform) => void)[] = [];

/** The platform's classes, loaded if need be. */
export function platform(): Platform {
  return loaded ?? load();
}

/** Registers what ties one of our classes to the platform's, for when that is there. */
export function onPlatform(link: (platform: Platform) => void): void {
  links.push(link);
  if (loaded !== undefined) link(loaded);
}

/** Before an object of ours is given away: `instanceof` the global class must hold for it. @hot */
export function ensurePlatform(): void {
  if (isNeededAtOnce) platform();
}

/** Before something else is put in the place of the globals: where Node shows no getters, this is the last chance. */
export function keepPlatform(): void {
  if (GETTERS.Request === undefined) platform();
}

/** @param defer while the global classes are ours, or no code is there that could compare with the platform's */
export function deferPlatform(defer: boolean): void {
  isNeededAtOnce = !defer && loaded === undefined;
}

function load(): Platform {
  isNeededAtOnce = false;
  loaded = { Request: take('Request'), Response: take('Response'), Headers: take('Headers') } as Platform;
  for (const link of links) link(loaded);
  return loaded;
}

function take(name: Name): unknown {
  const getter = GETTERS[name];
  if (getter === undefined) return Reflect.get(globalThis, name);
  const present = Object.getOwnPropertyDescriptor(globalThis, name)!;
  const taken = getter.call(globalThis);
  // Node's getter puts the class in its own place; a patch that came since stays.
  if (present.get !== getter) Object.defineProperty(globalThis, name, present);
  return taken;
}

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
export function recognisePlatform(ours: Constructor, name: Name): void {
  const isInstance = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(ours, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      if (isInstance.call(this, value)) return true;
      return (
        this === ours &&
        typeof value === 'object' &&
        value !== null &&
        isInstance.call(platform()[name], value)
      );
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

/** What the platform knows of the body of a Response. */
interface PlatformBody {
  readonly stream: unknown;
  readonly source: unknown;
  /** In bytes; null where only the end will tell. */
  readonly length: number | null;
}

/**
 * What the platform's Response was made of, where it can be seen (undici 6: Node 20 and 22). Memory that it was made of
 * is gone, of length 0, once a stream has given it out, that of a clone included.
 * @returns undefined where it cannot be seen, or there is no body
 */
export function platformBody(response: PlatformResponse): PlatformBody | undefined {
  for (const slot of Object.getOwnPropertySymbols(response)) {
    if (slot.description !== 'state') continue;
    const state: unknown = Reflect.get(response, slot);
    return (state as { body?: PlatformBody | null } | undefined)?.body ?? undefined;
  }
  return undefined;
}
