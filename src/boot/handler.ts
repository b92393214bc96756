/**
 * A boot server as a fetch handler: scripts and documents made for the machine that asks, and the folder's files in the
 * way that firmware wants them. What to boot is selected elsewhere; this decides which request is which.
 */

import type { FilesHandler } from '../files/handler.ts';
import { parsePath, pathnameOf } from '../files/path.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { RequestContext } from '../web/context.ts';
import { Response } from '../web/response.ts';
import { type BootConfig, DOCUMENT_NAMES, type DocumentName } from './boot-config.ts';
import { type BootFolder, CONFIG_NAME } from './boot-folder.ts';
import { cloudInstance, documentType, metadataText } from './documents.ts';
import { firmwareType } from './firmware-types.ts';
import { grubChainScript, grubScript } from './grub-script.ts';
import { CHAIN_SCRIPT, fallThroughScript, ipxeScript } from './ipxe-script.ts';
import type { KnownMachines } from './known-machines.ts';
import { type MachineFacts, MachineFactsError, machineKey, readFacts } from './machine-facts.ts';
import type { MachineRecords } from './machine-records.ts';
import { type ScriptRequest, templateValues } from './script-request.ts';
import { chosen, type Selection, select } from './selection.ts';
import { fill, TemplateError } from './template.ts';
import { type TrackedContext, trackAnswer } from './tracking.ts';
import type { Upstream } from './upstream.ts';

/** What a request must offer: the standard's Request does, and so does a literal in a test. */
interface BootRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

type BootContext = TrackedContext & Pick<RequestContext, 'encrypted'>;

export interface BootHandlerParts {
  readonly folder: BootFolder;
  readonly files: FilesHandler;
  readonly machines: KnownMachines;
  /** What the folder does not have. */
  readonly upstream: Upstream | undefined;
  readonly records: MachineRecords;
  readonly logger: LoggerLike;
}

type BootHandler = (request: BootRequest, context: BootContext) => Promise<Response>;

const TEXT = 'text/plain; charset=utf-8';
/** Each answer is for one machine at one moment. */
const NO_STORE = 'no-store';

/** Files that boot loaders look for beside themselves, and whose absence ends the boot of some. */
const CHAINED = new Set(['autoexec.ipxe']);
const FALLS_THROUGH = new Set(['custom.ipxe']);
const GRUB_CONFIGS = new Set(['grub.cfg']);

export function createBootHandler(parts: BootHandlerParts): BootHandler {
  const desk = new BootDesk(parts);
  return (request, context) => desk.answer(request, context);
}

/** A machine that asks, and what was selected for it. */
interface Asked extends ScriptRequest {
  readonly query: URLSearchParams;
}

class BootDesk {
  readonly #folder: BootFolder;
  readonly #files: FilesHandler;
  readonly #machines: KnownMachines;
  readonly #upstream: Upstream | undefined;
  readonly #records: MachineRecords;
  readonly #logger: LoggerLike;

  constructor({ folder, files, machines, upstream, records, logger }: BootHandlerParts) {
    this.#folder = folder;
    this.#files = files;
    this.#machines = machines;
    this.#upstream = upstream;
    this.#records = records;
    this.#logger = logger;
  }

  async answer(request: BootRequest, context: BootContext): Promise<Response> {
    const parsed = parsePath(pathnameOf(request.url), true);
    if (parsed.kind !== 'path') return this.#files(request);
    try {
      const made = parsed.endsWithSlash ? undefined : await this.#endpoint(parsed.path, request, context);
      return made ?? (await this.#file(parsed.path, request, context));
    } catch (error) {
      if (error instanceof MachineFactsError) return text(400, `${error.message}\n`);
      if (!(error instanceof TemplateError)) throw error;
      this.#logger.error(`${parsed.path}: ${error.message}`);
      return text(500, `${error.message}\n`);
    }
  }

  /** @returns undefined for what is no endpoint */
  async #endpoint(path: string, request: BootRequest, context: BootContext): Promise<Response | undefined> {
    const make = this.#maker(path);
    if (make === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return text(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
    const asked = await this.#asked(request, context);
    const answer = await make(asked);
    if (request.method === 'GET' && (path === 'ipxe' || path === 'grub'))
      this.#records.seen(asked.facts, context.ip ?? '', asked.selection.target);
    return answer;
  }

  #maker(path: string): ((asked: Asked) => Response | Promise<Response>) | undefined {
    if (path === 'ipxe') return (asked) => script(ipxeScript(asked));
    if (path === 'grub') return (asked) => script(grubScript(asked));
    if (path === 'metadata') return (asked) => text(200, metadataText(templateValues(asked, asked.query)));
    if (path === 'cloud/user-data') return (asked) => this.#document('cloud', asked);
    if (path === 'cloud/meta-data')
      return (asked) => text(200, cloudInstance(asked.facts, templateValues(asked)));
    if (path === 'cloud/vendor-data') return () => text(200, '');
    const document = DOCUMENT_NAMES.find((each) => each === path);
    return document && ((asked) => this.#document(document, asked));
  }

  async #asked(request: BootRequest, { ip = '', encrypted }: BootContext): Promise<Asked> {
    const { searchParams: query, host } = new URL(request.url);
    let facts: MachineFacts = readFacts(query);
    // A client that says nothing that identifies it is taken for the machine that asked from this address before.
    if (machineKey(facts) === undefined) facts = { ...this.#machines.at(ip), ...facts };
    else this.#machines.seen(ip, facts);
    const config = await this.#folder.config();
    const selection = this.#selection(config, facts, query.get('profile'));
    return { config, facts, selection, query, host, scheme: encrypted ? 'https' : 'http' };
  }

  #selection(config: BootConfig, facts: MachineFacts, wanted: string | null): Selection {
    const selection = select(config, facts);
    return (wanted === null ? undefined : chosen(config, selection, wanted)) ?? selection;
  }

  async #document(name: DocumentName, asked: Asked): Promise<Response> {
    const { profile, target } = asked.selection;
    const template = profile?.documents[name];
    if (template === undefined) return text(404, `${target} has no ${name} for this machine\n`);
    let source: string;
    try {
      source = await this.#folder.template(template);
    } catch (error) {
      throw new TemplateError(`${template} cannot be read (${(error as Error).message})`);
    }
    const body = fill(source, template, templateValues(asked, asked.query));
    return text(200, body, { 'content-type': documentType(name) });
  }

  async #file(path: string, request: BootRequest, context: BootContext): Promise<Response> {
    if (isPrivate(path, await this.#folder.config())) return text(404, '404 Not Found\n');
    let answer = await this.#files(request);
    let source: 'folder' | 'upstream' = 'folder';
    if (answer.status === 404 && (request.method === 'GET' || request.method === 'HEAD')) {
      const standIn = standInFor(path, new URL(request.url).host);
      if (standIn !== undefined) {
        // The other names are our own: nobody expects a file.
        const name = path.slice(path.lastIndexOf('/') + 1);
        if (CHAINED.has(name) || FALLS_THROUGH.has(name)) this.#records.stoodIn(name);
        return standIn;
      }
      const fetched = await this.#upstream?.answer(path, request);
      if (fetched !== undefined) {
        answer = fetched;
        source = 'upstream';
      }
    }
    const type = answer.status === 200 || answer.status === 206 ? firmwareType(path) : undefined;
    if (type !== undefined) answer.headers.set('content-type', type);
    if (request.method === 'GET') {
      await this.#pace(request, context);
      this.#track(path, request, answer, context, source);
    }
    return answer;
  }

  /** As slowly as the machine's rule has it: files are asked for by address alone, unless their query says more. */
  async #pace(request: BootRequest, context: BootContext): Promise<void> {
    const { machines } = await this.#folder.config();
    if (machines.every(({ paceBytesPerSecond }) => paceBytesPerSecond === Number.POSITIVE_INFINITY)) return;
    const { facts, selection } = await this.#asked(request, context);
    const pace = selection.winner?.paceBytesPerSecond ?? Number.POSITIVE_INFINITY;
    if (machineKey(facts) !== undefined && pace !== Number.POSITIVE_INFINITY) context.pace(pace);
  }

  #track(
    path: string,
    request: BootRequest,
    answer: Response,
    context: BootContext,
    source: 'folder' | 'upstream',
  ): void {
    const { searchParams } = new URL(request.url);
    const tracking = { records: this.#records, machines: this.#machines };
    trackAnswer(tracking, `/${path}`, searchParams, answer, context, source);
  }
}

/** Texts with passwords in them are given to machines, filled in, and to nobody as they lie there. */
function isPrivate(path: string, config: BootConfig): boolean {
  if (path === CONFIG_NAME) return true;
  for (const { documents } of config.profiles.values())
    for (const name of DOCUMENT_NAMES)
      if (documents[name] !== undefined && Buffer.from(documents[name]).toString('latin1') === path)
        return true;
  return false;
}

/** What boot loaders look for and the folder does not have. */
function standInFor(path: string, host: string): Response | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (path === 'boot.ipxe' || CHAINED.has(name)) return script(CHAIN_SCRIPT);
  if (FALLS_THROUGH.has(name)) return script(fallThroughScript(`There is no ${name} here`));
  return GRUB_CONFIGS.has(name) ? script(grubChainScript(host)) : undefined;
}

function script(body: string): Response {
  return text(200, body);
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { 'content-type': TEXT, 'cache-control': NO_STORE, ...headers },
  });
}
