/**
 * Files of the simulation, open: what they hold follows from the plan of the request, reading takes the disk's time, and they become
 * shorter, change or break as that plan says. What becomes of their descriptors is watched.
 */
import type { SimNetwork } from '../engine/sim/network.ts';
import { answerFile } from '../files/file-answer.ts';
import type { OpenFile } from '../files/source.ts';
import type { OpenFilePart } from '../web/open-file-part.ts';
import { contentBytes } from './content.ts';
import { answerContentId } from './expected-answer.ts';
import type { FilePlan } from './file-plan.ts';
import type { RequestPlan } from './request-plan.ts';
import type { World } from './world.ts';

const DISK_MS_MAX = 20;
/** Another content begins elsewhere in the letters. */
const OTHER_CONTENT = 1;

/** @param fields of the answer */
export function answerWithFile(
  world: World,
  plan: RequestPlan,
  request: Request,
  fields: Readonly<Record<string, string>>,
): Response | Promise<Response> {
  const open = (): Response | Promise<Response> => {
    const told = { contentType: 'text/plain', paceBytesPerSecond: undefined, fields, contentFields: {} };
    const file = new PlannedFile(world, plan.id, plan.file!);
    return answerFile(request, file, told, world.nowMs) as Response | Promise<Response>;
  };
  if (!plan.file!.isCold) return open();
  return new Promise((resolve) => {
    world.network.after(plan.delayMs, () => resolve(open()));
  });
}

class PlannedFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs = 0;
  readonly changedMs = 0;
  readonly version = 'first';
  readonly content = undefined;
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #plan: FilePlan;
  readonly #contentId: number;
  readonly #fd: number;
  #asks = 0;
  #reads = 0;

  constructor(world: World, id: number, plan: FilePlan) {
    this.#world = world;
    this.#network = world.network;
    this.#plan = plan;
    this.#contentId = answerContentId({ id });
    this.sizeBytes = plan.sizeBytes;
    this.#fd = this.#network.files.open(contentBytes(this.#contentId, plan.sizeBytes), plan.isCold);
    const file = this.#network.files.at(this.#fd)!;
    if (plan.fate === 'short') file.bytes = file.bytes.subarray(0, plan.failAt);
    else if (plan.fate === 'broken') file.brokenAt = plan.failAt;
  }

  part(start: number, end: number): OpenFilePart {
    return {
      fd: this.#fd,
      offset: start,
      length: end - start,
      verify: () => this.#verify(),
      read: (into, offset) => this.read(into, offset),
      close: () => this.#close(),
    };
  }

  async isUnchanged(): Promise<boolean> {
    return this.#verify();
  }

  #verify(): boolean {
    if (this.#plan.fate !== 'changed' || ++this.#asks < this.#plan.asks) return true;
    const file = this.#network.files.at(this.#fd)!;
    file.bytes = contentBytes(this.#contentId + OTHER_CONTENT, this.sizeBytes);
    return false;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const { random } = this.#network;
    this.#reads++;
    const delayMs = this.#plan.isCold ? random.nextUnit() * DISK_MS_MAX : 0;
    await new Promise<void>((resolve) => this.#network.after(delayMs, resolve));
    this.#reads--;
    const file = this.#network.files.at(this.#fd);
    if (file === undefined) throw new Error('EBADF');
    if (offset >= file.brokenAt) throw new Error('EIO');
    const piece = file.bytes.subarray(offset, Math.min(offset + into.length, file.brokenAt));
    into.set(piece);
    return piece.length;
  }

  async close(): Promise<void> {
    this.#close();
  }

  #close(): void {
    if (this.#reads > 0) this.#world.find('a file is closed while it is read');
    if (!this.#network.files.close(this.#fd)) this.#world.find('a file is closed twice');
  }
}
