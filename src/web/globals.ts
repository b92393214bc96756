/**
 * Makes ours the fetch classes of the whole process: `new Response` is the light one everywhere, and
 * `new Request(ours, init)` and `fetch(ours)` work whatever the platform's version. Nothing in the
 * library calls it unless the user asks (`globals: true`, or the command line, which owns its process).
 *
 * Without it everything works that does not need the platform's own code to look inside a Request of
 * ours; `request.ts` says what. Responses need no patch at all: the server takes the platform's.
 */
import { Headers } from './headers.ts';
import { deferPlatform, keepPlatform, platform } from './platform.ts';
import { isLightRequest, toPlatformRequest } from './request.ts';
import { Response } from './response.ts';

/** The platform's, that accepts ours: nothing else of it is different. */
function patchedRequest(): typeof globalThis.Request {
  const { Request } = platform();
  const patched: typeof Request = new Proxy(Request, {
    construct(target, [input, ...rest], newTarget): Request {
      const given = isLightRequest(input) ? toPlatformRequest(input) : input;
      return Reflect.construct(target, [given, ...rest], newTarget === patched ? target : newTarget);
    },
  });
  return patched;
}

/**
 * Patches `Request`, `Response`, `Headers` and `fetch`.
 * @returns puts back what was there, except where somebody else has patched since
 */
export function installGlobals(): () => void {
  keepPlatform();
  const fetchBefore = globalThis.fetch;
  const patchedFetch: typeof fetch = async (input, init) =>
    fetchBefore(isLightRequest(input) ? toPlatformRequest(input) : input, init);
  const restores = [
    replaceRequest(),
    replace('Response', Response),
    replace('Headers', Headers),
    replace('fetch', patchedFetch),
  ];
  deferPlatform(true);
  return () => {
    deferPlatform(false);
    for (const restore of restores) restore();
  };
}

/** Does it the way Node does: the class is made when it is first asked for, then it is a property like any other. */
function replaceRequest(): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Request')!;
  const restores: (() => void)[] = [];
  const get = () => {
    const made = patchedRequest();
    const { prototype } = made;
    restores.push(replace('Request', made), () => setConstructor(prototype, platform().Request));
    // What builds a second one by `request.constructor` gets the one that takes ours.
    setConstructor(prototype, made);
    return made;
  };
  const set = (value: unknown) => void replace('Request', value);
  Object.defineProperty(globalThis, 'Request', { get, set, configurable: true, enumerable: false });
  return () => {
    for (const restore of restores) restore();
    // What was replaced then was the getter.
    if (Object.getOwnPropertyDescriptor(globalThis, 'Request')?.get === get)
      Object.defineProperty(globalThis, 'Request', before);
  };
}

function setConstructor(prototype: object, value: unknown): void {
  Object.defineProperty(prototype, 'constructor', {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

function replace(name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)!;
  // The rest as Node has it: `fetch` is enumerable, the classes are not.
  Object.defineProperty(globalThis, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: before.enumerable ?? false,
  });
  return () => {
    if (Reflect.get(globalThis, name) === value) Object.defineProperty(globalThis, name, before);
  };
}
