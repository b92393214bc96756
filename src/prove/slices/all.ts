/** The slices that there are, in the order in which they run: what leaves most behind comes last. */
import { connections } from './connections.ts';
import { faults } from './faults.ts';
import { h2 } from './h2.ts';
import { invariants } from './invariants.ts';
import { malformed } from './malformed.ts';
import { sessions } from './sessions.ts';
import type { Slice } from './slice.ts';
import { slow } from './slow.ts';
import { sse } from './sse.ts';
import { tls } from './tls.ts';
import { websocket } from './websocket.ts';

export const SLICES: readonly Slice[] = [
  sessions,
  malformed,
  slow,
  h2,
  websocket,
  sse,
  tls,
  connections,
  faults,
  invariants,
];
