/**
 * A handshake with each target before a run: so that a certificate that is not trusted is one sentence and not a million
 * failures, and to learn which protocol a server chooses. By the same engine, and so the same judge, as the run's.
 */
import type { ConnectTarget, Engine, EngineConnection, EngineHandler } from '../../engine/engine.ts';
import { failureName } from '../client/failure-names.ts';
import { isCertificateRefused, isRootMissing, tlsFailureSentence } from '../client/tls-failures.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { selectLoadEngine } from './load-engine.ts';

/** A server cannot be loaded over TLS as it was asked for. */
class TlsCheckError extends Error {
  override readonly name = 'TlsCheckError';
}

/**
 * What comes before TLS (a port where nobody listens) is the run's to show, as in the clear.
 * @param alpn what is offered @default the plan's protocol
 * @returns of each target what it chose by ALPN; undefined where it could not be reached
 * @throws TlsCheckError naming target and reason
 */
export async function checkTls(plan: LoadPlan, alpn?: readonly string[]): Promise<(string | undefined)[]> {
  if (plan.tls === undefined) return plan.targets.map(() => undefined);
  const selection = await selectLoadEngine(plan, alpn);
  const check = new Check(plan.timeoutMs);
  const engine = await selection.create(check);
  try {
    const chosen: (string | undefined)[] = [];
    for (const { origin, connects } of plan.targets) {
      const facts = await check.handshake(engine, connects[0]!).catch((error: Error) => {
        throw new TlsCheckError(`${origin}: ${refusal(error.message, connects[0]!)}`);
      });
      if (alpn === undefined && plan.protocol === 'h2' && facts !== undefined && facts.alpnProtocol !== 'h2')
        throw new TlsCheckError(
          `${origin}: it does not choose HTTP/2 when it is offered (ALPN); leave --h2 out`,
        );
      chosen.push(facts?.alpnProtocol);
    }
    return chosen;
  } finally {
    await engine.close();
  }
}

function refusal(code: string, { serverName }: ConnectTarget): string {
  const sentence = tlsFailureSentence(code) ?? 'the TLS handshake failed';
  if (!isCertificateRefused(code)) return `${sentence} (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${sentence}, not ${serverName}'s (${code}); name whose it is with --server-name, or take any with --insecure`;
  const trust = isRootMissing(code) ? 'trust its root with --cacert FILE, or ' : '';
  return `${sentence} (${code}); ${trust}take any certificate with --insecure`;
}

class Check implements EngineHandler {
  readonly #timeoutMs: number;
  #settle: { stood(facts: EngineConnection['secure']): void; failed(code: string): void } | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @throws Error whose message is the name of the failure */
  handshake(engine: Engine, target: ConnectTarget): Promise<EngineConnection['secure']> {
    return new Promise((resolve, reject) => {
      this.#settle = { stood: resolve, failed: (code) => reject(new Error(code)) };
      try {
        engine.connect(target).setDeadline(engine.nowMs + this.#timeoutMs);
      } catch {
        resolve(undefined);
      }
    });
  }

  onAccept(conn: EngineConnection): void {
    conn.reset('unexpected');
  }

  onConnect(conn: EngineConnection): void {
    this.#settle?.stood(conn.secure);
    conn.close('done');
  }

  onReceive(): void {}

  onDrained(): void {}

  onPeerEnd(conn: EngineConnection): void {
    conn.close('done');
  }

  onDeadline(conn: EngineConnection): void {
    this.#settle?.stood(undefined);
    conn.reset('timeout');
  }

  onClosed(conn: EngineConnection, reason: string): void {
    if (reason === 'tls-error') this.#settle?.failed(failureName(conn.errorCode, reason));
    else this.#settle?.stood(undefined);
  }
}
