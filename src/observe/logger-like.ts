/** The shape that loggers have: what is logged through may be anybody's. */

/** What the server logs through: the shape of console, pino and most others. */
export interface LoggerLike {
  debug?(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}
