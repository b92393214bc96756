/**
 * Certificates that are found when a client first names them, by a function that may take its time. What it has found is kept for
 * a while, so that it is not asked for each connection; everything is bounded, since clients may name whatever they like.
 */
import { thrown } from '../../base/option-checks.ts';
import type { FindCertificate, TlsCertificate } from './tls-options.ts';

/** What is kept: some 40 KiB each where OpenSSL holds it. The one that was asked for longest ago goes first. */
const KEPT_MAX = 500;
/** How long a certificate is taken for the current one: renewals happen days before the end. */
const FOUND_MS = 5 * 60_000;
/** A name that is added is known this soon. */
const NOT_FOUND_MS = 10_000;
/** Names that are being asked about; clients beyond are refused. */
const ASKED_MAX = 256;
/** Somebody else's promise may stay open for ever. A handshake's own deadline is sooner by default. */
export const ANSWER_MS = 60_000;
/** Errors are told once in this time. */
const QUIET_MS = 1000;

interface Kept<C> {
  /** undefined: there is none, the default serves. */
  readonly context: C | undefined;
  readonly untilMs: number;
}

interface LateNamesOptions<C> {
  /** Takes the place of `EngineTlsOptions.findCertificate`. */
  readonly find: FindCertificate;
  /** What an engine makes of a certificate. @throws where it cannot be used */
  readonly make: (certificate: TlsCertificate) => C;
  /** It is not kept any more; connections that use it go on. */
  readonly drop?: (context: C) => void;
  readonly onError: (error: Error) => void;
  readonly nowMs?: () => number;
}

export class LateNames<C> {
  readonly #options: LateNamesOptions<C>;
  readonly #kept = new Map<string, Kept<C>>();
  readonly #asked = new Map<string, Promise<boolean>>();
  readonly #nowMs: () => number;
  /** What was asked about before `clear` is not kept. */
  #generation = 0;
  #isClosed = false;
  #quietUntilMs = 0;
  #untold = 0;

  constructor(options: LateNamesOptions<C>) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** @returns undefined where it has to be asked about. To be used at once: it may be dropped later */
  known(name: string): { readonly context: C | undefined } | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined || kept.untilMs <= this.#nowMs()) return undefined;
    // The last is the one that was asked for last.
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept;
  }

  /** Never rejects. @returns whether the name is known now; false where the function failed, or too many are asked about */
  ask(name: string): Promise<boolean> {
    const asked = this.#asked.get(name);
    if (asked !== undefined) return asked;
    if (this.#asked.size >= ASKED_MAX) return Promise.resolve(false);
    const answer = this.#find(name).finally(() => {
      if (this.#asked.get(name) === answer) this.#asked.delete(name);
    });
    this.#asked.set(name, answer);
    return answer;
  }

  /** Nothing is found any more. */
  close(): void {
    this.#isClosed = true;
    this.clear();
  }

  /** Everything is asked about anew. */
  clear(): void {
    this.#generation++;
    this.#asked.clear();
    for (const { context } of this.#kept.values()) this.#drop(context);
    this.#kept.clear();
  }

  async #find(name: string): Promise<boolean> {
    const generation = this.#generation;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no certificate was found for ${name} within ${ANSWER_MS / 1000} s`)),
          ANSWER_MS,
        );
        timer.unref();
      });
      const certificate = await Promise.race([this.#options.find(name), late]);
      if (this.#isClosed) return false;
      // What was true before `clear` may not be any more.
      if (generation !== this.#generation) return await this.ask(name);
      const context = certificate === undefined ? undefined : this.#options.make(certificate);
      this.#keep(name, context);
      return true;
    } catch (error) {
      this.#tell(name, error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whoever names a hundred things a second must not fill the log. */
  #tell(name: string, cause: unknown): void {
    const now = this.#nowMs();
    if (now < this.#quietUntilMs) {
      this.#untold++;
      return;
    }
    const others = this.#untold === 0 ? '' : ` (and ${this.#untold} others before)`;
    this.#untold = 0;
    this.#quietUntilMs = now + QUIET_MS;
    const reason = thrown(cause);
    this.#options.onError(new Error(`no certificate for ${name}${others}: ${reason}`, { cause }));
  }

  #keep(name: string, context: C | undefined): void {
    this.#drop(this.#kept.get(name)?.context);
    this.#kept.delete(name);
    const untilMs = this.#nowMs() + (context === undefined ? NOT_FOUND_MS : FOUND_MS);
    this.#kept.set(name, { context, untilMs });
    if (this.#kept.size <= KEPT_MAX) return;
    const [oldest] = this.#kept.keys();
    this.#drop(this.#kept.get(oldest!)?.context);
    this.#kept.delete(oldest!);
  }

  #drop(context: C | undefined): void {
    if (context !== undefined) this.#options.drop?.(context);
  }
}
