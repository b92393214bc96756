/** What a server does with good requests, before anything else is asked of it: attacks are made of what it answers. */
import type { Carrier } from '../http1/cases.ts';
import type { Target } from '../target/target.ts';
import { play } from '../wire/play.ts';
import { send } from '../wire/script.ts';

const SETTLE_MS = 4000;

interface Asked {
  readonly status: number | undefined;
  readonly bytes: number;
}

/** One request on a connection of its own. */
export async function ask(
  target: Target,
  method: string,
  path: string,
  content: string | undefined,
  signal: AbortSignal,
): Promise<Asked> {
  const length = content === undefined ? '' : `Content-Length: ${content.length}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${target.authority}\r\n${length}Connection: close\r\n\r\n`;
  const isEnough = (wire: { answers: { wholeCount: number } }): boolean => wire.answers.wholeCount > 0;
  const wire = await play(target, [send(head + (content ?? ''))], { settleMs: SETTLE_MS, isEnough, signal });
  const answer = wire.answers.all[0];
  return { status: answer?.isWhole ? answer.status : undefined, bytes: answer?.bodyBytes ?? 0 };
}

/** By which method the server takes content, if by any. */
export async function findCarrier(target: Target, signal: AbortSignal): Promise<Carrier> {
  const { small, upload } = target.paths;
  const carrier = { authority: target.authority, path: small, contentPath: upload ?? small };
  for (const contentMethod of ['POST', 'GET']) {
    const { status } = await ask(target, contentMethod, carrier.contentPath, 'hello', signal);
    if (status !== undefined && status < 400) return { ...carrier, contentMethod };
  }
  return { ...carrier, contentMethod: undefined };
}
