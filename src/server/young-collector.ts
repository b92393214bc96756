/**
 * V8's young generation, collected by wish. V8 gives out `gc` to contexts that are made while the flag `--expose-gc` is set, which
 * may be set and taken back while it runs: it decides nothing else. The process's own global object stays as it is.
 */
import type { Collector } from '../http/piece-memory.ts';

type Gc = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

const YOUNG = { type: 'minor', execution: 'sync' } as const;

/** Costs 2 ms, for the context. @returns what does nothing where V8 does not give it */
export function openYoungCollector(): Collector {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  const isExposed = 'gc' in globalThis;
  let gc: Gc | undefined;
  try {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('globalThis.gc') as Gc | undefined;
    if (!isExposed) setFlagsFromString('--no-expose-gc');
  } catch {
    // What runs here is no V8, or one that is told not to: bodies are collected as V8 sees fit.
  }
  return gc === undefined ? () => {} : () => gc(YOUNG);
}
