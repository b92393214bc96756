/**
 * A database or another service that the application reaches by a URL in an environment variable. A relay stands between them,
 * and takes it away: once so that connections are reset and refused, once so that it is silent. Then it is there again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartOrder } from '../target/started-server.ts';
import type { Arranged, Fault } from './fault.ts';
import { Relay } from './relay.ts';

const GONE_MS = 3000;

export function upstreamFaults({ upstreams }: StartOrder): readonly Fault[] {
  return upstreams.flatMap((name) => [upstreamFault(name, 'gone'), upstreamFault(name, 'silent')]);
}

function upstreamFault(variable: string, how: 'gone' | 'silent'): Fault {
  return {
    ...{
      id: `${variable.toLowerCase().replaceAll('_', '-')}-${how}`,
      name: `${variable} being ${how} for ${GONE_MS / 1000} s`,
    },
    // Drivers wait between their tries, and give up what was under way when it was silent.
    recoveryMs: how === 'gone' ? 5000 : 8000,
    ...{ mayFail: true, takesMemory: false },
    async prepare({ env }): Promise<Arranged | string> {
      const url = env?.[variable] ?? process.env[variable];
      if (url === undefined || !URL.canParse(url)) return `${variable} is not set to a URL`;
      const relay = await Relay.open(new URL(url));
      return {
        changes: { env: { ...env, [variable]: relay.url } },
        async strike({ count }) {
          relay.become(how);
          await sleep(GONE_MS);
          relay.become('there');
          count('connections cut', relay.cutCount);
        },
        close: () => relay.close(),
      };
    },
  };
}
