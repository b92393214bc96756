/**
 * Makes a plan of what a user asked for: reads bodies, looks names up, encodes requests, expands source
 * addresses. What cannot be planned is told by the option that it came from.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OptionError } from '../../base/errors.ts';
import { encodeRequest, type FieldPair } from '../client/h1-request-encoder.ts';
import { encodeH2Request } from '../client/h2-request-encoder.ts';
import type { LoadPlan, PlannedRequest, PlannedTarget, PlannedTls } from './load-plan.ts';
import { parseTargetUrl, resolveTarget, takeCredentials } from './target-address.ts';
import type { ListedUrl } from './url-list.ts';

export interface LoadOptions {
  readonly urls: readonly ListedUrl[];
  /** The folder that files named in a list of URLs are relative to. */
  readonly folder: string;
  /** For URLs that name none. */
  readonly method: string | undefined;
  readonly headers: readonly FieldPair[];
  readonly body: Uint8Array | undefined;
  readonly unixPath: string | undefined;
  /** Taken where the URLs are of https. */
  readonly tls: PlannedTls;
  /** Whom the servers' certificates have to name, in place of the URL's host. */
  readonly serverName: string | undefined;
  /** All of the plan that needs no working out. */
  readonly run: PlanSettings;
}

export type PlanSettings = Omit<LoadPlan, 'targets' | 'requests' | 'phase' | 'tls'>;

/**
 * @throws OptionError for what was asked for and cannot be
 * @throws TargetError when a name does not lead anywhere
 */
export async function buildPlan(options: LoadOptions): Promise<LoadPlan> {
  const { run } = options;
  checkTogether(options);
  const encode = run.protocol === 'h2' ? encodeH2Request : encodeRequest;
  const targets: PlannedTarget[] = [];
  const requests: PlannedRequest[] = [];
  const urls = options.urls.map((listed) => parseTargetUrl('URL', listed.url));
  const isSecure = areSecure(urls);
  const scheme = isSecure ? 'https' : 'http';
  for (const [index, listed] of options.urls.entries()) {
    const url = urls[index]!;
    let target = targets.findIndex(({ authority }) => authority === url.host);
    if (target < 0)
      target =
        targets.push(await resolveTarget(url, { ...options, sourceAddresses: run.sourceAddresses })) - 1;
    const credentials = takeCredentials(url);
    const isGiven = options.headers.some(([name]) => /^authorization$/i.test(name));
    const body = await bodyOf(listed, options);
    const method = listed.method ?? options.method ?? (body === undefined ? 'GET' : 'POST');
    const path = url.pathname + url.search;
    const bytes = encode({
      scheme,
      method,
      path,
      authority: url.host,
      headers: credentials === undefined || isGiven ? options.headers : [...options.headers, credentials],
      body,
    });
    requests.push({ target, method, url: url.href, path, bytes });
  }
  if (run.pipeline > 1 && targets.length > 1 && (run.randomOrder || run.connections < requests.length))
    throw new OptionError(
      depthFlag(run),
      run.pipeline,
      `with several servers there are at least as many connections as URLs (${requests.length})`,
    );
  return { ...run, targets, requests, phase: 0, tls: isSecure ? options.tls : undefined };
}

/** An engine speaks TLS on all that it connects to, or on nothing. */
function areSecure(urls: readonly URL[]): boolean {
  const secure = urls.filter(({ protocol }) => protocol === 'https:');
  const plain = urls.find(({ protocol }) => protocol !== 'https:');
  if (secure.length > 0 && plain !== undefined)
    throw new OptionError('URL', plain.href, 'http and https are not loaded in one run: make two');
  return secure.length > 0;
}

function checkTogether({ run, unixPath }: LoadOptions): void {
  const isThinking = run.thinkMaxMs > 0;
  if (run.ratePerSecond !== undefined && isThinking)
    throw new OptionError(
      '--think',
      `${run.thinkMaxMs}ms`,
      'a constant rate has no think time; leave one out',
    );
  if (run.pipeline > 1 && (isThinking || run.newConnection))
    throw new OptionError(
      depthFlag(run),
      run.pipeline,
      `it goes without ${isThinking ? '--think' : '--new-connection'}`,
    );
  if (run.sourceAddresses.length > 0 && unixPath !== undefined)
    throw new OptionError('--source-addresses', run.sourceAddresses[0], 'a unix socket has none');
}

/** What sets how many requests are under way at once on a connection. */
function depthFlag({ protocol }: PlanSettings): string {
  return protocol === 'h2' ? '--streams' : '--pipeline';
}

async function bodyOf(listed: ListedUrl, options: LoadOptions): Promise<Uint8Array | undefined> {
  if (listed.bodyFile !== undefined) return readBody('body file', resolve(options.folder, listed.bodyFile));
  if (listed.body !== undefined) return new TextEncoder().encode(listed.body);
  return listed.method === undefined ? options.body : undefined;
}

/** @param option what names the file. @throws OptionError */
export async function readBody(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OptionError(option, path, `it cannot be read (${code}); name a file that can`);
  }
}

/** The folder of a list of URLs; the present one for URLs of the command line. */
export function folderOf(file: string | undefined): string {
  return file === undefined ? process.cwd() : dirname(resolve(file));
}
