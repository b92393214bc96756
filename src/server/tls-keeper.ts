/**
 * What a server has for TLS, for as long as it serves: the options that were given, what was read of them, the keys of session tickets.
 * It reads anew when it is told to and when files change; what cannot be used leaves all as it was. One a server, whatever
 * threads there are.
 */
import { getRandomValues } from 'node:crypto';
import { OptionError } from '../base/errors.ts';
import { thrown } from '../base/option-checks.ts';
import {
  type EngineTlsOptions,
  SESSION_SECONDS,
  TICKET_KEY_BYTES,
  type TlsCertificate,
} from '../engine/tls/tls-options.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { FileStamps } from './file-stamps.ts';
import { readCertificate } from './tls-certificate.ts';
import { TlsFiles } from './tls-files.ts';
import type { ThreadTls, TlsMaterial, TlsTarget } from './tls-material.ts';
import { type GivenTls, readCertificateOptions, readTlsOptions } from './tls-options.ts';
import { readRules } from './tls-rules.ts';

/**
 * How long a key encrypts tickets: whoever steals one reads what was resumed with it. Three are kept, so that what was given out
 * last with the oldest can be resumed for all of its life.
 */
const ROTATION_MS = (SESSION_SECONDS / 2) * 1000;
const KEYS_KEPT = 3;

/** For tests, which do not wait for an hour. */
interface KeeperTimes {
  readonly rotationMs?: number;
  readonly lookMs?: number;
  readonly settleMs?: number;
}

export class TlsKeeper implements ThreadTls {
  material: TlsMaterial;
  readonly #logger: LoggerLike;
  readonly #rotationMs: number;
  readonly #stamps: FileStamps;
  #given: GivenTls;
  #seen: ReadonlyMap<string, string>;
  #target: TlsTarget | undefined;
  #rotation: ReturnType<typeof setInterval> | undefined;
  /** The change that is under way; later ones wait for it. */
  #change: Promise<void> = Promise.resolve();

  /** @throws OptionError naming what is not right */
  constructor(given: GivenTls, logger: LoggerLike, times: KeeperTimes = {}) {
    this.#logger = logger;
    this.#rotationMs = times.rotationMs ?? ROTATION_MS;
    this.#given = given;
    const { rules, seen } = this.#read(given);
    this.material = { ...rules, ticketKeys: [newKey()] };
    this.#seen = seen;
    this.#stamps = new FileStamps(() => this.#filesChanged(), times.lookMs, times.settleMs);
  }

  /** From now on `target` hears of what changes. */
  serve(target: TlsTarget & { readonly finished: Promise<unknown> }): void {
    this.#target = target;
    void target.finished.then(() => this.#stop());
    if (this.#seen.size > 0) this.#stamps.watch(this.#seen);
    this.#rotation = setInterval(() => this.#rotate(), this.#rotationMs);
    this.#rotation.unref();
  }

  #stop(): void {
    this.#stamps.stop();
    clearInterval(this.#rotation);
  }

  /**
   * For connections that begin from now on.
   * @param given as the option `tls`; rules that it does not name stay as they are. Without it the same is read anew
   * @throws OptionError, UnavailableError where it cannot be used: then all stays as it was
   */
  set(given?: unknown): Promise<void> {
    const change = this.#change.then(() => this.#set(given));
    this.#change = change.catch(() => {});
    return change;
  }

  /** The certificate that the function `sni` has for a name. */
  readonly find = async (serverName: string): Promise<TlsCertificate | undefined> => {
    const answer: unknown = await this.#given.rules.sni?.(serverName);
    if (answer === undefined || answer === null) return undefined;
    const prefix = `tls.sni(${JSON.stringify(serverName)}).`;
    return readCertificate(prefix, readCertificateOptions(prefix, answer), new TlsFiles(), () => {});
  };

  async #set(given: unknown): Promise<void> {
    const wanted = given === undefined ? this.#given : this.#mergedWith(readTlsOptions(given));
    const { rules, seen } = this.#read(wanted);
    const { ticketKeys: _, ...old } = this.material;
    // Threads that start meanwhile have it too.
    this.#use(rules);
    const oldGiven = this.#given;
    this.#given = wanted;
    try {
      await this.#target?.takeTls(this.material);
    } catch (error) {
      this.#use(old);
      this.#given = oldGiven;
      // Other threads may have taken it.
      await this.#target?.takeTls(this.material).catch(() => {});
      throw error;
    }
    this.#seen = seen;
    this.#stamps.watch(seen);
  }

  #use(rules: Omit<TlsMaterial, 'ticketKeys'>): void {
    this.material = { ...rules, ticketKeys: this.material.ticketKeys };
  }

  /** Whoever renews a certificate does not mean to ask clients for none; whoever says so has no use for what they were judged by. */
  #mergedWith(given: GivenTls): GivenTls {
    const { ca, crl, rejectUnauthorized, ...others } = this.#given.rules;
    const rules = given.rules.requestCert === false ? others : this.#given.rules;
    return { ...given, rules: { ...rules, ...given.rules } };
  }

  #read(given: GivenTls): { rules: Omit<TlsMaterial, 'ticketKeys'>; seen: ReadonlyMap<string, string> } {
    const files = new TlsFiles();
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    const certificates = given.certificates.map(({ prefix, options }) =>
      readCertificate(prefix, options, files, warn),
    );
    refuseTwins(given, certificates);
    const rules = readRules(given.prefix, given.rules, files);
    for (const warning of warnings) this.#logger.warn(warning);
    return {
      rules: { ...rules, certificates, asksForNames: given.rules.sni !== undefined },
      seen: files.seen,
    };
  }

  async #filesChanged(): Promise<void> {
    try {
      await this.set();
      this.#logger.info('tls: files have changed and were read anew; new connections have what they hold');
    } catch (error) {
      this.#logger.error(
        `tls: files have changed and cannot be used; what was read before serves on: ${thrown(error)}`,
      );
    }
  }

  #rotate(): void {
    const ticketKeys = [newKey(), ...this.material.ticketKeys].slice(0, KEYS_KEPT);
    this.material = { ...this.material, ticketKeys };
    this.#target?.takeTicketKeys(ticketKeys);
  }
}

function newKey(): Uint8Array {
  return getRandomValues(new Uint8Array(TICKET_KEY_BYTES));
}

/** Which of two was meant nobody could say. */
function refuseTwins(
  { certificates: given }: GivenTls,
  certificates: EngineTlsOptions['certificates'],
): void {
  const ids = certificates.map(({ names, keyType }) => `${[...names].sort().join(' ')} ${keyType}`);
  ids.forEach((id, index) => {
    const first = ids.indexOf(id);
    if (first !== index)
      throw new OptionError(
        `${given[index]!.prefix}cert`,
        '(a certificate)',
        `it is for the same names as \`${given[first]!.prefix}cert\` with the same kind of key`,
      );
  });
}
