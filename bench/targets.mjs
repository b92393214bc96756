/**
 * What Holdfast must reach, each as a figure, a reference, and a bound. `node bench/run.mjs` judges them by
 * its results; a target whose figures were not measured is neither met nor missed.
 */

/** A target on the ratio of one server's figure to another's under one workload. */
const relative = (workload, figure, relation, factor, reference, subject = 'holdfast') => ({
  workload,
  figure,
  relation,
  bound: factor,
  text: `${workload}: ${subject}'s ${FIGURE_NAMES[figure]} ${relation} ${factor} x ${reference}'s`,
  value: ({ rows }) => {
    const of = (id) => rows[workload]?.[id]?.[figure];
    return of(subject) === undefined || of(reference) === undefined ? undefined : of(subject) / of(reference);
  },
});

const FIGURE_NAMES = {
  userUs: 'user CPU a request',
  totalUs: 'total CPU a request',
  requestsPerSecond: 'requests/s',
  p50Us: 'p50',
  totalMsPerGiB: 'CPU a GiB',
};

/** A server's HTTP/2 beside its own HTTP/1.1. */
const besideH1 = (workload, h1Workload, subject) => ({
  workload,
  figure: 'totalMsPerGiB',
  relation: '<=',
  bound: 1.2,
  text: `${workload}: ${subject}'s CPU a GiB <= 1.2 x its own over HTTP/1.1`,
  value: ({ rows }) => {
    const h2 = rows[workload]?.[subject]?.totalMsPerGiB;
    const h1 = rows[h1Workload]?.[subject]?.totalMsPerGiB;
    return h2 === undefined || h1 === undefined ? undefined : h2 / h1;
  },
});

const scenario = (name, figure, relation, bound, text) => ({
  workload: name,
  relation,
  bound,
  text,
  value: ({ scenarios }) => scenarios?.[name]?.[figure],
});

export const TARGETS = [
  relative('plaintext', 'userUs', '<=', 0.75, 'nginx'),
  relative('plaintext', 'userUs', '<=', 0.35, 'bun'),
  relative('plaintext', 'totalUs', '<=', 1, 'nginx'),
  relative('plaintext', 'totalUs', '<=', 1.1, 'floor'),
  relative('plaintext', 'requestsPerSecond', '>=', 1, 'nginx'),
  relative('plaintext', 'requestsPerSecond', '>=', 1.1, 'bun'),
  relative('plaintext', 'requestsPerSecond', '>=', 2, 'node-http'),
  relative('pipeline16', 'requestsPerSecond', '>=', 5, 'nginx'),
  relative('pipeline16', 'requestsPerSecond', '>=', 6, 'bun'),
  relative('pipeline16', 'requestsPerSecond', '>=', 1, 'uwebsockets'),
  relative('pipeline16', 'totalUs', '<=', 2, 'floor'),
  relative('headers20', 'userUs', '<=', 0.6, 'nginx'),
  relative('headers20', 'userUs', '<=', 1, 'uwebsockets'),
  relative('latency1', 'p50Us', '<=', 1.2, 'nginx'),
  relative('connect', 'totalUs', '<=', 1.05, 'nginx'),
  relative('post-echo', 'totalUs', '<=', 1, 'uwebsockets'),
  {
    workload: 'start',
    relation: '<=',
    bound: 60,
    text: 'start: holdfast serve is ready <= 60 ms after Node alone',
    value: ({ rows }) => {
      const { holdfast, bare } = rows.start ?? {};
      return holdfast && bare ? holdfast.startMs - bare.startMs : undefined;
    },
  },
  relative('plaintext', 'requestsPerSecond', '>=', 3, 'hono-node', 'holdfast-hono'),
  relative('plaintext', 'requestsPerSecond', '>=', 1.2, 'hono-bun', 'holdfast-hono'),
  relative('plaintext', 'requestsPerSecond', '>=', 1.3, 'node-http', 'holdfast-node'),
  ...['holdfast', 'holdfast-epoll', 'holdfast-node'].flatMap((engine) => [
    relative('upload', 'totalMsPerGiB', '<=', 1, 'node-http', engine),
    relative('upload', 'totalMsPerGiB', '<=', 1.3, 'bun', engine),
    relative('download', 'totalMsPerGiB', '<=', 1, 'node-http', engine),
    relative('download', 'totalMsPerGiB', '<=', 1.3, 'bun', engine),
    relative('formdata', 'totalMsPerGiB', '<=', 1, 'hono-node', engine),
  ]),
  ...['holdfast', 'holdfast-epoll'].flatMap((engine) => [
    relative('h2-m32', 'totalUs', '<=', 1, 'h2o', engine),
    relative('h2-m32', 'totalUs', '<=', 0.0667, 'node-http2', engine),
    relative('h2-m1', 'totalUs', '<=', 0.9, 'h2o', engine),
    relative('h2-m1', 'totalUs', '<=', 0.9, 'nginx', engine),
    relative('h2-one', 'totalUs', '<=', 0.9, 'nginx', engine),
    besideH1('h2-down', 'h1-down', engine),
    besideH1('h2-up', 'h1-up', engine),
  ]),
  scenario('workers', 'speedup', '>=', 1.8, 'workers: 2 on 2 cores, pipelined, >= 1.8 x 1'),
  scenario(
    'idleMemory',
    'bytesPerConnection',
    '<=',
    1024,
    'idle: <= 1024 bytes of process memory a connection',
  ),
];

/** @returns each target with its value and `met`: true, false or undefined (not measured) */
export function judge(results) {
  return TARGETS.map((target) => {
    const value = target.value(results);
    const met =
      value === undefined
        ? undefined
        : target.relation === '<='
          ? value <= target.bound
          : value >= target.bound;
    return { text: target.text, bound: target.bound, relation: target.relation, value, met };
  });
}
