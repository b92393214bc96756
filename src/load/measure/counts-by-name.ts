/** Counts under names: statuses, errors. Names may be anything that a peer sends, `__proto__` too. */

type CountsByName = Readonly<Record<string, number>>;

export function addRecords(parts: readonly CountsByName[]): Record<string, number> {
  const sum = new Map<string, number>();
  for (const part of parts)
    for (const [name, count] of Object.entries(part)) sum.set(name, (sum.get(name) ?? 0) + count);
  return Object.fromEntries(sum);
}

/** What has been counted since `before`. */
export function recordDifference(now: CountsByName, before: CountsByName): Record<string, number> {
  const difference: Record<string, number> = {};
  for (const [name, count] of Object.entries(now))
    if (count > (before[name] ?? 0)) difference[name] = count - (before[name] ?? 0);
  return difference;
}
