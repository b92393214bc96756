/**
 * Our classes with the platform's types: what `holdfast` exports. A `Response` of ours is a platform Response to
 * the compiler as it is to `instanceof`, whatever members the platform's declarations gain (`textStream` came with
 * Node 26) and wherever they come from, TypeScript's dom library or `@types/node`. Types only; no class is made here.
 */
import type { BodyInit } from './body-init.ts';
import { Headers as LightHeaders } from './headers.ts';
import type { HeadersInit } from './platform.ts';
import { Response as LightResponse } from './response.ts';

interface ResponseInit {
  readonly status?: number | undefined;
  readonly statusText?: string | undefined;
  readonly headers?: HeadersInit | undefined;
}

interface ResponseClass {
  readonly prototype: globalThis.Response;
  /** @throws TypeError, RangeError as the platform's */
  new (body?: BodyInit | null | undefined, init?: ResponseInit | undefined): globalThis.Response;
  json(data: unknown, init?: ResponseInit | undefined): globalThis.Response;
  redirect(url: string | URL, status?: number): globalThis.Response;
  error(): globalThis.Response;
}

interface HeadersClass {
  readonly prototype: globalThis.Headers;
  new (init?: HeadersInit | undefined): globalThis.Headers;
}

/** The light Response: cheaper to make and to send than the platform's, and `instanceof` it. */
export const Response: ResponseClass = LightResponse;
export type Response = globalThis.Response;

/** The light Headers, `instanceof` the platform's. */
export const Headers: HeadersClass = LightHeaders;
export type Headers = globalThis.Headers;
