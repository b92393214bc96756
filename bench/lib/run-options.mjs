/** The command line of `run.mjs`. */
import { PEERS } from '../peers.mjs';
import { WORKLOADS } from '../workloads.mjs';
import { BENCH_DIR, CACHE_DIR, ROOT_DIR } from './paths.mjs';

export const USAGE = `node bench/run.mjs [options]

  --rounds N          rounds, each measuring every server in another order        [3]
  --seconds N         length of one window                                        [4]
  --warmup N          seconds of load before each window                          [1]
  --quick             one round of one second, half a second of warm-up
  --workloads a,b     only these: ${WORKLOADS.map((w) => w.id).join(' ')}
  --peers a,b         only these: ${PEERS.map((p) => p.id).join(' ')}
  --client own|wrk    wrk: as a cross-check, where it can follow                  [own]
  --scenarios         idle memory and workers as well
  --json FILE         where the results go               [.cache/bench/last.json]
  --svg FILE          draw the chart of the results
  --publish           --json bench/results/latest.json --svg docs/bench.svg
`;

/** @throws Error with a sentence for people */
export function parseRunOptions(args) {
  const options = {
    rounds: 3,
    windowMs: 4000,
    warmupMs: 1000,
    workloads: WORKLOADS,
    peers: PEERS,
    client: 'own',
    scenarios: false,
    json: `${CACHE_DIR}last.json`,
    svg: undefined,
    help: false,
  };
  const rest = args.flatMap((arg) =>
    /^--[a-z]+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg],
  );
  for (let i = 0; i < rest.length; i++) {
    const name = rest[i];
    const value = () => {
      i++;
      if (i >= rest.length) throw new Error(`${name} wants a value`);
      return rest[i];
    };
    const positive = () => {
      const text = value();
      if (!(Number(text) > 0)) throw new Error(`${name}: ${text} is not a number above 0`);
      return Number(text);
    };
    switch (name) {
      case '--rounds':
        options.rounds = Math.ceil(positive());
        break;
      case '--seconds':
        options.windowMs = positive() * 1000;
        break;
      case '--warmup':
        options.warmupMs = positive() * 1000;
        break;
      case '--quick':
        Object.assign(options, { rounds: 1, windowMs: 1000, warmupMs: 500 });
        break;
      case '--workloads':
        options.workloads = select(name, WORKLOADS, value());
        break;
      case '--peers':
        options.peers = select(name, PEERS, value());
        break;
      case '--client':
        options.client = oneOf(name, value(), ['own', 'wrk']);
        break;
      case '--scenarios':
        options.scenarios = true;
        break;
      case '--json':
        options.json = value();
        break;
      case '--svg':
        options.svg = value();
        break;
      case '--publish':
        options.json = `${BENCH_DIR}results/latest.json`;
        options.svg = `${ROOT_DIR}docs/bench.svg`;
        break;
      case '-h':
      case '--help':
        options.help = true;
        break;
      default:
        throw new Error(`unknown option ${name}`);
    }
  }
  return options;
}

function select(name, rows, list) {
  const ids = list.split(',');
  const unknown = ids.filter((id) => !rows.some((row) => row.id === id));
  if (unknown.length > 0)
    throw new Error(
      `${name}: ${unknown.join(', ')} unknown; there are ${rows.map((row) => row.id).join(', ')}`,
    );
  return rows.filter((row) => ids.includes(row.id));
}

function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) throw new Error(`${name}: ${value} is not one of ${allowed.join(', ')}`);
  return value;
}
