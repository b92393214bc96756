/**
 * Requests that a script makes, and its checks. Each request is encoded as it is made; answers are kept
 * whole for a script that checks them. A script that throws while it makes a request ends the run: going
 * on would measure something else.
 */
import type { AnswerContent } from '../client/client.ts';
import { encodeRequest, type FieldPair } from '../client/h1-request-encoder.ts';
import { encodeH2Request } from '../client/h2-request-encoder.ts';
import { OTHERS, type UrlTally } from '../measure/url-tally.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import type { MadeRequest, RequestSource, SkippedRequests } from './request-source.ts';
import type { CheckContext, ScriptContext, ScriptRequest, ScriptResponse } from './script.ts';
import { type LoadedScript, ScriptError } from './script-loader.ts';
import type { Slot } from './slot.ts';

const SLASH = /^\//;
const QUERY = /\?.*$/s;

interface Started {
  readonly request: ScriptRequest;
  readonly context: ScriptContext;
}

export class ScriptSource implements RequestSource {
  readonly wantsAnswers: boolean;
  readonly #plan: LoadPlan;
  readonly #script: LoadedScript;
  readonly #name: string;
  readonly #headers: readonly FieldPair[];
  readonly #onCheck: (name: string, hasPassed: boolean) => void;
  /** What each connection has made, and its state. */
  readonly #counts: number[];
  readonly #states: Record<string, unknown>[];
  /** By slot and ticket, for the checks. */
  readonly #started: (Started | undefined)[];
  readonly #urls: UrlTally;
  #made: Started | undefined;

  constructor(
    plan: LoadPlan,
    script: LoadedScript,
    onCheck: (name: string, hasPassed: boolean) => void,
    urls: UrlTally,
  ) {
    this.#urls = urls;
    urls.isOn = true;
    this.#plan = plan;
    this.#script = script;
    this.#name = plan.script?.name ?? 'script';
    this.#headers = plan.script?.headers ?? [];
    this.#onCheck = onCheck;
    this.wantsAnswers = script.check !== undefined;
    this.#counts = new Array<number>(plan.connections).fill(0);
    this.#states = Array.from({ length: plan.connections }, () => ({}));
    this.#started = new Array<Started | undefined>(plan.connections * plan.pipeline).fill(undefined);
  }

  firstTarget(): number {
    return 0;
  }

  /** Nobody knows what the script would have made. */
  skip(times: number): SkippedRequests[] {
    return [{ urlRow: OTHERS, times }];
  }

  next(slot: Slot): MadeRequest {
    const { index } = slot;
    const context: ScriptContext = {
      connection: index,
      count: this.#counts[index]!++,
      state: this.#states[index]!,
    };
    let request: ScriptRequest;
    try {
      request = this.#script.request(context);
    } catch (error) {
      throw new ScriptError(`${this.#name}: request() threw: ${String((error as Error)?.message ?? error)}`);
    }
    if (typeof request !== 'object' || request === null)
      throw new ScriptError(`${this.#name}: request() answered ${String(request)}; it answers an object`);
    this.#made = { request, context };
    return this.#encode(request);
  }

  onStarted(slot: Slot, ticket: number): void {
    this.#started[slot.index * this.#plan.pipeline + ticket] = this.#made;
  }

  onAnswer(slot: Slot, ticket: number, content: AnswerContent): boolean {
    const at = slot.index * this.#plan.pipeline + ticket;
    const started = this.#started[at];
    const { check } = this.#script;
    if (started === undefined || check === undefined) return true;
    this.#started[at] = undefined;
    let hasPassed = true;
    const context: CheckContext = {
      ...started.context,
      request: started.request,
      check: (name, isFine) => {
        this.#onCheck(name, isFine === true);
        if (isFine !== true) hasPassed = false;
      },
    };
    try {
      check(new Answer(content), context);
    } catch (error) {
      this.#onCheck(String((error as Error)?.message ?? error), false);
      return false;
    }
    return hasPassed;
  }

  #encode(request: ScriptRequest): MadeRequest {
    const { targets } = this.#plan;
    let target = 0;
    let path = request.path ?? this.#plan.requests[0]?.path ?? '/';
    if (request.url !== undefined) {
      const url = new URL(request.url);
      target = targets.findIndex(({ origin }) => origin === url.origin);
      if (target < 0)
        throw new ScriptError(
          `${this.#name}: ${request.url} is on a server that the command line does not name`,
        );
      path = url.pathname + url.search;
    }
    const { authority, origin } = targets[target]!;
    const { body, isJson } = encodeBody(request.body);
    const given = Object.entries(request.headers ?? {});
    const names = new Set(given.map(([name]) => name.toLowerCase()));
    const headers = [...given, ...this.#headers.filter(([name]) => !names.has(name.toLowerCase()))];
    if (isJson && !names.has('content-type')) headers.push(['Content-Type', 'application/json']);
    const method = request.method ?? (body === undefined ? 'GET' : 'POST');
    const encode = this.#plan.protocol === 'h2' ? encodeH2Request : encodeRequest;
    const bytes = encode({
      scheme: this.#plan.tls === undefined ? 'http' : 'https',
      method,
      path: SLASH.test(path) ? path : `/${path}`,
      authority,
      headers,
      body,
    });
    // A query is what a script varies most.
    const urlRow = this.#urls.rowOf(method, origin + path.replace(QUERY, ''));
    return { target, method, url: origin + path, path, bytes, urlRow };
  }
}

function encodeBody(body: ScriptRequest['body']): { body: Uint8Array | undefined; isJson: boolean } {
  if (body === undefined) return { body: undefined, isJson: false };
  if (typeof body === 'string') return { body: new TextEncoder().encode(body), isJson: false };
  if (body instanceof Uint8Array) return { body, isJson: false };
  return { body: new TextEncoder().encode(JSON.stringify(body)), isJson: true };
}

/** An answer as scripts see it. */
class Answer implements ScriptResponse {
  readonly status: number;
  readonly body: Uint8Array;
  readonly #head: string;
  #fields: Map<string, string> | undefined;

  constructor({ status, head, body }: AnswerContent) {
    this.status = status;
    this.#head = head;
    this.body = body;
  }

  get headers() {
    this.#fields ??= readFields(this.#head);
    const fields = this.#fields;
    return { get: (name: string) => fields.get(name.toLowerCase()) ?? null };
  }

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** The head has been parsed already: its lines are well formed. */
function readFields(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}
