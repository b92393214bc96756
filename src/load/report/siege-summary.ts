/**
 * A result in siege's words: the twelve lines of its summary with its own tabs and digits, and its JSON.
 * What each means is siege's: failed transactions are those of the socket, answers of 400 and more count
 * as transactions and not as successful, data include heads.
 */
import type { LoadResult } from '../measure/load-result.ts';

export interface SiegeFigures {
  readonly transactions: number;
  /** Per cent. */
  readonly availability: number;
  readonly elapsedSeconds: number;
  readonly dataMebibytes: number;
  readonly responseSeconds: number;
  readonly transactionRate: number;
  readonly throughputMebibytes: number;
  readonly concurrency: number;
  readonly successful: number;
  readonly failed: number;
  readonly longestSeconds: number;
  readonly shortestSeconds: number;
}

const MEBIBYTE = 1024 * 1024;

export function siegeFigures({
  requests,
  statuses,
  settledMs,
  bytesReceived,
  latency,
}: LoadResult): SiegeFigures {
  const transactions = requests.answered;
  const refused = Object.entries(statuses).reduce(
    (sum, [code, count]) => sum + (code >= '400' ? count : 0),
    0,
  );
  const failed = requests.failed - refused;
  // Answers to what was under way at the end count, so the time that they took does too.
  const elapsedSeconds = settledMs / 1000;
  const perSecond = (value: number) => (elapsedSeconds > 0 ? value / elapsedSeconds : 0);
  return {
    transactions,
    availability: transactions === 0 ? 0 : (transactions / (transactions + failed)) * 100,
    elapsedSeconds,
    dataMebibytes: bytesReceived / MEBIBYTE,
    responseSeconds: (latency.meanMs ?? 0) / 1000,
    transactionRate: perSecond(transactions),
    throughputMebibytes: perSecond(bytesReceived / MEBIBYTE),
    concurrency: perSecond(((latency.meanMs ?? 0) / 1000) * latency.count),
    successful: transactions - refused,
    failed,
    longestSeconds: (latency.maxMs ?? 0) / 1000,
    shortestSeconds: (latency.minMs ?? 0) / 1000,
  };
}

export function siegeText(figures: SiegeFigures): string {
  const whole = (value: number) => String(value).padStart(12);
  const fixed = (value: number) => value.toFixed(2).padStart(12);
  return [
    `Transactions:\t\t${whole(figures.transactions)} hits`,
    `Availability:\t\t${fixed(figures.availability)} %`,
    `Elapsed time:\t\t${fixed(figures.elapsedSeconds)} secs`,
    `Data transferred:\t${fixed(figures.dataMebibytes)} MB`,
    `Response time:\t\t${fixed(figures.responseSeconds)} secs`,
    `Transaction rate:\t${fixed(figures.transactionRate)} trans/sec`,
    `Throughput:\t\t${fixed(figures.throughputMebibytes)} MB/sec`,
    `Concurrency:\t\t${fixed(figures.concurrency)}`,
    `Successful transactions:${whole(figures.successful)}`,
    `Failed transactions:\t${whole(figures.failed)}`,
    `Longest transaction:\t${fixed(figures.longestSeconds)} secs`,
    `Shortest transaction:\t${fixed(figures.shortestSeconds)} secs`,
    '',
  ].join('\n');
}

/** siege 4's `--json-output`, key by key. */
export function siegeJson(figures: SiegeFigures): string {
  const whole = (value: number) => String(value).padStart(12);
  const fixed = (value: number) => value.toFixed(2).padStart(12);
  return [
    '{',
    `\t"transactions":\t\t\t${whole(figures.transactions)},`,
    `\t"availability":\t\t\t${fixed(figures.availability)},`,
    `\t"elapsed_time":\t\t\t${fixed(figures.elapsedSeconds)},`,
    `\t"data_transferred":\t\t${fixed(figures.dataMebibytes)},`,
    `\t"response_time":\t\t${fixed(figures.responseSeconds)},`,
    `\t"transaction_rate":\t\t${fixed(figures.transactionRate)},`,
    `\t"throughput":\t\t\t${fixed(figures.throughputMebibytes)},`,
    `\t"concurrency":\t\t\t${fixed(figures.concurrency)},`,
    `\t"successful_transactions":\t${whole(figures.successful)},`,
    `\t"failed_transactions":\t\t${whole(figures.failed)},`,
    `\t"longest_transaction":\t\t${fixed(figures.longestSeconds)},`,
    `\t"shortest_transaction":\t\t${fixed(figures.shortestSeconds)}`,
    '}',
    '',
  ].join('\n');
}
