/** What the main thread and its workers say to each other. Plain data: it crosses by structured clone. */

import type { ConnectionRow } from '../observe/connection-row.ts';
import type { ServeOptions } from './options.ts';
import type { CloseReport, EngineChoice, ServerStats, SharedMemory } from './serve.ts';

/** The options that a worker needs and that can be cloned. */
export type WorkerOptions = Pick<
  ServeOptions,
  | 'hostname'
  | 'engine'
  | 'timeouts'
  | 'limits'
  | 'accessLog'
  | 'globals'
  | 'tls'
  | 'fd'
  | 'port'
  | 'unix'
  | 'reusePort'
>;

export interface WorkerData {
  /** Shared with the other workers when connections are balanced. */
  readonly shared: SharedMemory;
  /** The module's URL. */
  readonly module: string;
  readonly options: WorkerOptions;
  /** Authority for requests that name none. */
  readonly index: number;
}

export type ToWorker =
  | { readonly type: 'close'; readonly force: boolean; readonly idleGraceMs: number }
  | { readonly type: 'stats'; readonly id: number }
  | { readonly type: 'connections'; readonly id: number; readonly countMax: number };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly engine: EngineChoice;
      readonly port: number;
      readonly hostname: string;
      readonly url: string;
    }
  | { readonly type: 'failed'; readonly error: ErrorData }
  | { readonly type: 'stats'; readonly id: number; readonly stats: ServerStats }
  | { readonly type: 'connections'; readonly id: number; readonly rows: readonly ConnectionRow[] }
  | { readonly type: 'closed'; readonly report: CloseReport; readonly stats: ServerStats };

/** An error's shape that survives the crossing with its class and code. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
}

export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error))
    return { name: 'Error', message: String(error), code: undefined, stack: undefined };
  return {
    name: error.name,
    message: error.message,
    code: (error as { code?: string }).code,
    stack: error.stack,
  };
}

export function errorFromData(data: ErrorData): Error {
  const error = new Error(data.message);
  Object.defineProperty(error, 'name', { value: data.name });
  if (data.code !== undefined) Object.defineProperty(error, 'code', { value: data.code, enumerable: true });
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}
