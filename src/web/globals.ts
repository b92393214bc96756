/**
 * Makes ours the fetch classes of the whole process: `new Response` is the light one everywhere, and
 * `new Request(ours, init)` and `fetch(ours)` work whatever the platform's version. Nothing in the
 * library calls it unless the user asks (`globals: true`, or the command line, which owns its process).
 *
 * Without it everything works that does not need the platform's own code to look inside a Request of
 * ours; `request.ts` says what. Responses need no patch at all: the server takes the platform's.
 */
import { Headers } from './headers.ts';
import { deferPlatform, platform, type RequestInit, recognisePlatform } from './platform.ts';
import { isLightRequest, toPlatformRequest } from './request.ts';
import { Response } from './response.ts';

type RequestInput = ConstructorParameters<typeof globalThis.Request>[0];

/** The platform's, that accepts ours; it goes by the platform's name. */
function patchedRequest(): typeof globalThis.Request {
  const PatchedRequest = class Request extends platform().Request {
    constructor(input: RequestInput, init?: RequestInit) {
      super(isLightRequest(input) ? toPlatformRequest(input) : input, init);
    }
  };
  recognisePlatform(PatchedRequest, 'Request');
  return PatchedRequest;
}

/**
 * Patches `Request`, `Response`, `Headers` and `fetch`.
 * @returns puts back what was there, except where somebody else has patched since
 */
export function installGlobals(): () => void {
  const fetchBefore = globalThis.fetch;
  const patchedFetch: typeof fetch = async (input, init) =>
    fetchBefore(isLightRequest(input) ? toPlatformRequest(input) : input, init);
  const restores = [
    replaceLazily('Request', patchedRequest),
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

/** As Node does it: the class is made when it is first asked for, and can be replaced like any other. */
function replaceLazily(name: string, make: () => unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)!;
  let made: unknown;
  const get = () => (made ??= make());
  const set = (value: unknown) => void replace(name, value);
  Object.defineProperty(globalThis, name, { get, set, configurable: true, enumerable: false });
  return () => {
    if (Object.getOwnPropertyDescriptor(globalThis, name)?.get === get)
      Object.defineProperty(globalThis, name, before);
  };
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
