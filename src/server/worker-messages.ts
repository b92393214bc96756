/** What the main thread and its workers say to each other. Plain data: it crosses by structured clone. */

import { show } from '../base/errors.ts';
import type { TlsCertificate } from '../engine/tls/tls-options.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import type { LogLevel } from '../observe/logger.ts';
import type { ClosePlan } from './close-plan.ts';
import type { LoadedFile } from './loaded-files.ts';
import type { Observation } from './observation.ts';
import type { ServeOptions } from './options.ts';
import type { EngineChoice, ServerStats, SharedMemory } from './server.ts';
import type { CloseReport } from './thread-closing.ts';
import type { ThreadLink } from './thread-relay.ts';
import type { TlsMaterial } from './tls-material.ts';

/** The options that a worker needs and that can be cloned. */
export type WorkerOptions = Pick<
  ServeOptions,
  | 'hostname'
  | 'node'
  | 'compat'
  | 'engine'
  | 'timeouts'
  | 'limits'
  | 'accessLog'
  | 'globals'
  | 'http2'
  | 'trustProxy'
  | 'proxyProtocol'
  | 'pubsub'
  | 'fd'
  | 'port'
  | 'unix'
  | 'reusePort'
>;

export interface WorkerData {
  /** Shared with the other workers when connections are balanced. */
  readonly shared: SharedMemory;
  /** Where TLS is served. */
  readonly tls: TlsMaterial | undefined;
  /** By which the hubs of threads hear each other. */
  readonly links: readonly ThreadLink[];
  /** The module's URL. */
  readonly module: string;
  readonly options: WorkerOptions;
  readonly index: number;
  /** The memory of a `WorkerStart`: how far the start has come. */
  readonly start: SharedArrayBuffer;
  /** There is an admin port: somebody will look. */
  readonly measures: boolean;
  /** Somebody watches the files that it loads. */
  readonly reportsLoads: boolean;
}

export type ToWorker =
  | { readonly type: 'close'; readonly plan: ClosePlan }
  /** A thread has come later than this one. */
  | { readonly type: 'link'; readonly link: ThreadLink }
  /** Connections may wait that a thread was told of which is stuck, or has ended. */
  | { readonly type: 'look' }
  /** What is under way has at least so long from now. */
  | { readonly type: 'extend'; readonly drainMs: number }
  | { readonly type: 'tls'; readonly id: number; readonly material: TlsMaterial }
  | { readonly type: 'ticket-keys'; readonly keys: readonly Uint8Array[] }
  /** The answer to 'name'. */
  | {
      readonly type: 'certificate';
      readonly id: number;
      readonly certificate: TlsCertificate | undefined;
      readonly error: ErrorData | undefined;
    }
  | { readonly type: 'stats'; readonly id: number }
  | { readonly type: 'observe'; readonly id: number }
  | { readonly type: 'subscribers'; readonly id: number; readonly topic: string }
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
  | { readonly type: 'loaded'; readonly file: LoadedFile }
  /** It closes, and accepts no connection any more. */
  | { readonly type: 'stopped' }
  /** What was said by 'tls' has been done, or has been refused. */
  | { readonly type: 'tls-taken'; readonly id: number; readonly error: ErrorData | undefined }
  /** A client names somebody for whom there is no certificate yet. */
  | { readonly type: 'name'; readonly id: number; readonly serverName: string }
  /** Values as `portable` makes them. */
  | { readonly type: 'log'; readonly level: LogLevel; readonly values: readonly unknown[] }
  | { readonly type: 'stats'; readonly id: number; readonly stats: ServerStats }
  | { readonly type: 'observed'; readonly id: number; readonly observation: Observation }
  | { readonly type: 'subscribers'; readonly id: number; readonly count: number }
  | { readonly type: 'connections'; readonly id: number; readonly rows: readonly ConnectionRow[] }
  | { readonly type: 'closed'; readonly report: CloseReport; readonly stats: ServerStats };

/** An error's shape that survives the crossing with its class, its code and its causes. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
  /** The code that a ModuleError carries. */
  readonly exitCode?: number | undefined;
  readonly cause: ErrorData | undefined;
}

/** A chain of causes may be a circle. */
const CAUSES_MAX = 8;

/** Never throws, whatever the error is made of. */
export function errorData(error: unknown, depth = 0): ErrorData {
  const data = { name: 'Error', message: '', code: undefined, stack: undefined, cause: undefined };
  try {
    if (!(error instanceof Error)) return { ...data, message: show(error) };
    const { name, message, stack, cause, code, exitCode } = error as Error & Record<string, unknown>;
    return {
      name: String(name),
      message: String(message),
      code: typeof code === 'string' ? code : undefined,
      stack: typeof stack === 'string' ? stack : undefined,
      exitCode: typeof exitCode === 'number' ? exitCode : undefined,
      cause: cause === undefined || depth === CAUSES_MAX ? undefined : errorData(cause, depth + 1),
    };
  } catch {
    return { ...data, message: 'an error that cannot be read' };
  }
}

export function errorFromData(data: ErrorData): Error {
  const error = new Error(data.message, data.cause && { cause: errorFromData(data.cause) });
  Object.defineProperty(error, 'name', { value: data.name });
  if (data.code !== undefined) Object.defineProperty(error, 'code', { value: data.code, enumerable: true });
  if (data.exitCode !== undefined) Object.defineProperty(error, 'exitCode', { value: data.exitCode });
  // Where it crossed is nobody's business: what was thrown without a stack has none here either.
  error.stack = data.stack ?? `${data.name}: ${data.message}`;
  return error;
}
