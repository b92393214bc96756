/**
 * Which rule wins for a machine, and why: every rule is tried, and each says what it found. Pure.
 *
 * A rule that matches by what tells machines apart beats one that matches by what many share, in the order of
 * FACT_NAMES; of two that are equal in that, the one with more facts wins, then the one that stands first.
 */
import {
  type BootConfig,
  LOCAL,
  type MachineRule,
  MENU,
  type Profile,
  type Variables,
} from './boot-config.ts';
import { FACT_NAMES, type FactName, type MachineFacts } from './machine-facts.ts';

interface TriedRule {
  readonly rule: MachineRule;
  readonly matches: boolean;
  /** The first fact that does not hold. */
  readonly fails: FactName | undefined;
  /** Bits by fact, the most telling highest: larger is more specific. */
  readonly rank: number;
}

export interface Selection {
  readonly tried: readonly TriedRule[];
  readonly winner: MachineRule | undefined;
  /** A profile's name, LOCAL or MENU. */
  readonly target: string;
  readonly profile: Profile | undefined;
  /** A sentence. */
  readonly why: string;
  /** The profile's variables, and over them the rule's. */
  readonly variables: Variables;
}

export function select(config: BootConfig, facts: MachineFacts): Selection {
  const tried = config.machines.map((rule) => tryRule(rule, facts));
  let best: TriedRule | undefined;
  for (const each of tried) if (each.matches && (best === undefined || each.rank > best.rank)) best = each;
  const winner = best?.rule;
  if (winner !== undefined)
    return selectionOf(
      config,
      tried,
      winner,
      winner.profile,
      `${describeRule(winner)} is ${howSpecific(tried)}`,
    );
  if (config.menu)
    return selectionOf(config, tried, undefined, MENU, 'no rule matches, so there is the menu');
  return selectionOf(
    config,
    tried,
    undefined,
    config.default,
    `no rule matches, and default is ${config.default}`,
  );
}

/** Somebody has chosen from the menu: the machine's own variables stay. */
export function chosen(config: BootConfig, selection: Selection, name: string): Selection | undefined {
  if (name !== LOCAL && !config.profiles.has(name)) return undefined;
  return selectionOf(config, selection.tried, selection.winner, name, `${name} was chosen from the menu`);
}

function selectionOf(
  config: BootConfig,
  tried: readonly TriedRule[],
  winner: MachineRule | undefined,
  target: string,
  why: string,
): Selection {
  const profile = config.profiles.get(target);
  return { tried, winner, target, profile, why, variables: { ...profile?.variables, ...winner?.variables } };
}

function tryRule(rule: MachineRule, facts: MachineFacts): TriedRule {
  let rank = 0;
  let fails: FactName | undefined;
  for (const [index, name] of FACT_NAMES.entries()) {
    const wanted = rule.match[name];
    if (wanted === undefined) continue;
    rank += 2 ** (FACT_NAMES.length - index);
    const fact = facts[name];
    if (fails === undefined && (fact === undefined || !wanted.includes(fact))) fails = name;
  }
  return { rule, matches: fails === undefined, fails, rank };
}

export function describeRule(rule: MachineRule): string {
  const facts = FACT_NAMES.filter((name) => rule.match[name] !== undefined);
  const by = facts.length === 0 ? 'for every machine' : `by ${facts.join(', ')}`;
  return `machines[${rule.index}] (line ${rule.line}, ${by})`;
}

function howSpecific(tried: readonly TriedRule[]): string {
  const count = tried.filter((each) => each.matches).length;
  return count === 1 ? 'the only rule that matches' : `the most specific of ${count} rules that match`;
}
