/**
 * The clock that all threads of a process share. `performance.now()` begins anew in each thread, and its
 * `timeOrigin` is the wall clock's at that moment: in a process that lives for days, threads would differ
 * by whatever the wall clock has been set since.
 */

/** The system's monotonic clock, in milliseconds, fractional. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
