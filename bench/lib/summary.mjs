/** From rounds to results: medians, ratios, and the tables that people read. Pure. */
import { userError } from './cpu.mjs';
import { formatTable, median, ratio, short, spread } from './stats.mjs';

const FIGURES = [
  'requestsPerSecond',
  'p50Us',
  'p99Us',
  'userUs',
  'systemUs',
  'totalUs',
  'mibPerSecond',
  'userMsPerGiB',
  'systemMsPerGiB',
  'totalMsPerGiB',
  'startMs',
  'startCpuMs',
  'clientUs',
  'serverShare',
  'clientShare',
  'otherShare',
];

/** The client held the server back: its own core was full and the server's was not. */
const CLIENT_FULL = 0.95;
const SERVER_FULL = 0.97;
/** More of the machine than this went to others: the round is not to be trusted. */
const DISTURBED = 0.05;

/** Rounds of one server under one workload as one row. */
export function summarise(rounds) {
  const row = { rounds: rounds.length, client: rounds[0].client };
  for (const figure of FIGURES) row[figure] = median(rounds.map((round) => round[figure]));
  row.spread = spread(rounds.map((round) => round.requestsPerSecond));
  row.userError = userError(rounds.reduce((sum, round) => sum + round.userSeconds, 0));
  row.errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  row.clientLimited = row.clientShare >= CLIENT_FULL && row.serverShare < SERVER_FULL;
  row.disturbed = rounds.filter((round) => round.otherShare > DISTURBED).length;
  return row;
}

/** One workload as text: a line a server, ratios to nginx, to the floor, or to whom the workload names. */
export function workloadTable(workload, peers, rows) {
  if (workload.isBulk) return bulkTable(workload, peers, rows);
  if (workload.isStart) return startTable(workload, peers, rows);
  const present = peers.filter((peer) => rows[peer.id] !== undefined);
  const { nginx } = rows;
  const beside = (workload.beside ?? ['nginx', 'floor']).filter((id) => rows[id] !== undefined);
  const header = [
    '',
    'req/s',
    'x nginx',
    'p50 us',
    'p99 us',
    'user us',
    'sys us',
    'total us',
    ...beside.map((id) => `x ${id}`),
    'server',
    'client',
  ];
  const table = present.map((peer) => {
    const row = rows[peer.id];
    return [
      titleOf(peer, row),
      short(row.requestsPerSecond),
      short(ratio(row.requestsPerSecond, nginx?.requestsPerSecond)),
      short(row.p50Us),
      short(row.p99Us),
      `${short(row.userUs)} ±${percent(row.userError)}`,
      short(row.systemUs),
      short(row.totalUs),
      ...beside.map((id) => short(ratio(row.totalUs, rows[id].totalUs))),
      percent(row.serverShare),
      percent(row.clientShare),
    ];
  });
  const client = present.length > 0 ? rows[present[0].id].client : '';
  return `${workload.title} (client: ${client === 'own' ? 'bench/client' : client})\n${formatTable([header, ...table])}`;
}

const BULK_BESIDE = [
  ['node-http', 'node:http'],
  ['bun', 'Bun'],
  ['hono-node', 'node-server'],
];

/** Does what `workloadTable` does, by the GiB and with ratios to whom such bodies are compared with. */
function bulkTable(workload, peers, rows) {
  const present = peers.filter((peer) => rows[peer.id] !== undefined);
  const beside = workload.beside?.map((id) => [id, id]) ?? BULK_BESIDE;
  const header = [
    '',
    'MiB/s',
    'user',
    'sys',
    'total ms/GiB',
    ...beside.map(([, title]) => `x ${title}`),
    'server',
    'client',
  ];
  const table = present.map((peer) => {
    const row = rows[peer.id];
    const times = (id) => short(ratio(row.totalMsPerGiB, rows[id]?.totalMsPerGiB));
    return [
      titleOf(peer, row),
      short(row.mibPerSecond),
      `${short(row.userMsPerGiB)} ±${percent(row.userError)}`,
      short(row.systemMsPerGiB),
      short(row.totalMsPerGiB),
      ...beside.map(([id]) => times(id)),
      percent(row.serverShare),
      percent(row.clientShare),
    ];
  });
  return `${workload.title} (client: ${workload.protocol === undefined ? 'client/bulk.c' : 'h2load'})\n${formatTable([header, ...table])}`;
}

/** Milliseconds and those of CPU time, what they are more than Node's own, and ratios. */
function startTable(workload, peers, rows) {
  const { bare } = rows;
  const table = peers
    .filter((peer) => rows[peer.id] !== undefined)
    .map((peer) => {
      const { startMs, startCpuMs } = rows[peer.id];
      const times = (id) => short(ratio(startCpuMs, rows[id]?.startCpuMs));
      return [
        peer.title,
        short(startMs),
        short(startMs - bare?.startMs),
        short(startCpuMs),
        short(startCpuMs - bare?.startCpuMs),
        ...['bare', 'node-http', 'bun'].map(times),
      ];
    });
  const header = ['', 'ms', 'over Node', 'CPU ms', 'over Node', 'x Node', 'x node:http', 'x Bun'];
  return `${workload.title}\n${formatTable([header, ...table])}`;
}

function titleOf(peer, row) {
  const marks = `${row.clientLimited ? '*' : ''}${row.disturbed > 0 ? '~' : ''}${row.errors > 0 ? '!' : ''}`;
  return marks === '' ? peer.title : `${peer.title} ${marks}`;
}

export const LEGEND = `req/s, latency and CPU-microseconds a request of the server are medians of the rounds; ± is the sampling
error of the user/system split; server and client are the shares of their cores that were busy.
* the client was the limit: req/s is its, not the server's   ~ other processes took CPU   ! errors`;

const percent = (share) => (Number.isFinite(share) ? `${Math.round(share * 100)}%` : '-');
