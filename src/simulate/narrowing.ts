/**
 * How the world of a seed is made smaller: clients that stay away, steps of their scripts that are left out, faults that do
 * not strike, events of the server that do not come. What is left is drawn as it was, so that it can still fail as it did.
 */
import { type NetworkFaults, NO_FAULTS } from '../engine/sim/faults.ts';
import type { Swarm } from './swarm.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** What may be left out of a world, beside clients, steps and faults, and how. */
const OMISSIONS: Readonly<Record<string, (swarm: Swarm) => Swarm>> = {
  drain: (swarm) => ({ ...swarm, drainAtMs: undefined }),
  reload: (swarm) => ({ ...swarm, reloadAtMs: undefined }),
  'error-hook': (swarm) => ({ ...swarm, errorHook: 'none' }),
  limits: (swarm) => withLimits(swarm, { connectionsMax: NEVER, connectionsPerAddressMax: NEVER }),
  'requests-per-connection': (swarm) => withLimits(swarm, { requestsPerConnectionMax: NEVER }),
};
export const OMISSION_NAMES: readonly string[] = Object.keys(OMISSIONS);
export const FAULT_NAMES = Object.keys(NO_FAULTS) as readonly (keyof NetworkFaults)[];

/** Each field narrows; without it the world is as the seed drew it. */
export interface Narrowing {
  /** Which clients come, by the order in which they were drawn. */
  readonly clients?: readonly number[];
  /** Which steps of its script a client walks, by the client and by their places. */
  readonly steps?: Readonly<Record<string, readonly number[]>>;
  /** Faults of the network that do not strike. */
  readonly calm?: readonly string[];
  /** Other things that do not happen. */
  readonly without?: readonly string[];
}

export function narrowSwarm(swarm: Swarm, { calm = [], without = [] }: Narrowing): Swarm {
  const faults = Object.fromEntries(
    FAULT_NAMES.map((name) => [name, calm.includes(name) ? NO_FAULTS[name] : swarm.faults[name]]),
  ) as unknown as NetworkFaults;
  let narrowed: Swarm = { ...swarm, faults };
  for (const name of without) narrowed = OMISSIONS[name]!(narrowed);
  return narrowed;
}

/** @returns the plan of client `index` as far as it still happens; undefined when the client stays away */
export function narrowPlan<P extends { readonly steps: readonly unknown[] }>(
  plan: P,
  index: number,
  { clients, steps }: Narrowing,
): P | undefined {
  if (clients !== undefined && !clients.includes(index)) return undefined;
  const kept = steps?.[index];
  return kept === undefined
    ? plan
    : { ...plan, steps: plan.steps.filter((_, place) => kept.includes(place)) };
}

/**
 * @param value of JSON
 * @throws Error that names what is not allowed in a narrowing
 */
export function checkedNarrowing(value: unknown): Narrowing {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('a narrowing is an object');
  const { clients, steps, calm, without, ...others } = value as Record<string, unknown>;
  for (const name of Object.keys(others))
    throw new Error(`${name}: a narrowing has clients, steps, calm and without`);
  checkList('clients', clients, Number.isInteger, 'whole numbers');
  if (steps !== undefined && (typeof steps !== 'object' || steps === null))
    throw new Error('steps: an object of lists is needed');
  for (const [client, places] of Object.entries(steps ?? {}))
    checkList(`steps.${client}`, places, Number.isInteger, 'whole numbers');
  const isFault = (name: unknown): boolean => (FAULT_NAMES as readonly unknown[]).includes(name);
  checkList('calm', calm, isFault, `of ${FAULT_NAMES.join(', ')}`);
  checkList('without', without, (name) => OMISSION_NAMES.includes(name as string), OMISSION_NAMES.join(', '));
  return value;
}

function checkList(name: string, value: unknown, isAllowed: (item: unknown) => boolean, what: string): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) throw new Error(`${name}: a list is needed`);
  for (const item of value)
    if (!isAllowed(item)) throw new Error(`${name}: ${JSON.stringify(item)} is none of these: ${what}`);
}

function withLimits(swarm: Swarm, limits: Partial<Swarm['settings']['limits']>): Swarm {
  return { ...swarm, settings: { ...swarm.settings, limits: { ...swarm.settings.limits, ...limits } } };
}
