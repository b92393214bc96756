/**
 * What was found: one sentence for a reader who did not write the tool, the rule that was broken, and a capsule that shows
 * and repeats it. Plain data, as it stands in results.
 */
import type { Script } from './wire/script.ts';
import type { WireEvent } from './wire/wire.ts';

/** `high` fails a run: clients are harmed, or an attacker gets what he wants. */
export type Severity = 'high' | 'medium' | 'low';

export const SEVERITIES: readonly Severity[] = ['high', 'medium', 'low'];

export type Figures = Readonly<Record<string, number | string>>;

export interface Finding {
  /** Names what is wrong, not where it was seen: `malformed/two-lengths`. */
  readonly id: string;
  readonly slice: string;
  readonly target: string;
  readonly severity: Severity;
  /** What happened, as a sentence. */
  readonly title: string;
  /** What that means for whoever runs the server. */
  readonly meaning: string;
  /** `RFC 9112 §6.3`, or the server's own promise. */
  readonly rule: string;
  readonly seed: number;
  readonly figures: Figures;
  /** How often it was seen; the first time is shown. */
  readonly times: number;
  readonly capsule: Capsule;
}

/** Everything that repeats a finding and shows what happened. */
export interface Capsule {
  readonly format: 'holdfast-capsule/1';
  readonly finding: string;
  readonly slice: string;
  readonly seed: number;
  readonly target: string;
  /** Undefined where no script of one connection shows it; then the seed repeats the slice. */
  readonly script: Script | undefined;
  /** Which judge decides (judges.ts), and what it has to know. */
  readonly judge: { readonly name: string; readonly input: Figures } | undefined;
  readonly shrunk:
    | { readonly eventsBefore: number; readonly eventsAfter: number; readonly plays: number }
    | undefined;
  /** The exact bytes both ways, with their moments. */
  readonly exchange: readonly WireEvent[];
  readonly serverState: unknown;
  /** The command that shows it again. */
  readonly replay: string;
}
