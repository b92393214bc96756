/** The engine that a plan runs on, with TLS where its targets ask for it. Trusts what Node trusts. */
import * as tls from 'node:tls';
import type { Engine, EngineHandler } from '../../engine/engine.ts';
import { selectEngine } from '../../engine/select.ts';
import type { EngineTlsClientOptions } from '../../engine/tls/tls-options.ts';
import type { LoadPlan } from '../plan/load-plan.ts';

interface LoadEngine {
  readonly name: string;
  readonly reason: string;
  create(handler: EngineHandler): Promise<Engine>;
}

/** What the plan's protocol is called in ALPN. RFC 7301 §6 */
const ALPN_NAMES = { 'http/1.1': 'http/1.1', h2: 'h2' } as const;

/**
 * @param alpn what is offered @default the plan's protocol, and nothing else
 * @throws SysError and UnavailableError, as engines do
 */
export async function selectLoadEngine(plan: LoadPlan, alpn?: readonly string[]): Promise<LoadEngine> {
  const selection = await selectEngine(plan.engine, { tls: plan.tls !== undefined });
  const tlsClient = tlsClientOptions(plan, alpn ?? [ALPN_NAMES[plan.protocol]]);
  return {
    get name() {
      return selection.name;
    },
    get reason() {
      return selection.reason;
    },
    create: (handler) => selection.create(tlsClient === undefined ? { handler } : { handler, tlsClient }),
  };
}

function tlsClientOptions(
  { tls: planned }: LoadPlan,
  alpn: readonly string[],
): EngineTlsClientOptions | undefined {
  if (planned === undefined) return undefined;
  const { ca, insecure, cert, key, resume } = planned;
  return {
    alpn,
    insecure,
    ca: insecure ? [] : [...trustedByNode(), ...ca],
    resume,
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

/** With NODE_EXTRA_CA_CERTS and --use-system-ca where this Node tells of them (22.15 and later). */
function trustedByNode(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? tls.rootCertificates;
}
