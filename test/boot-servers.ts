/** Starts `holdfast serve --boot` on an engine, over a folder that a test fills. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { CliProcess } from './cli-run.ts';

export const ENGINES = ['iouring', 'epoll', 'node'];

/** A folder with these files, until the end of the test. */
export function folderOf(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-boot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

export interface RunningBoot {
  readonly cli: CliProcess;
  readonly url: string;
  readonly port: number;
  /** Empty without `--admin`. */
  readonly adminUrl: string;
}

/** @returns undefined, and the test is skipped, where the host has no such engine */
export async function startBoot(
  t: TestContext,
  engine: string,
  folder: string,
  ...args: string[]
): Promise<RunningBoot | undefined> {
  const cli = new CliProcess(t, ['serve', '--boot', '-p', '0', '--engine', engine, ...args, folder]);
  try {
    const { url = '', admin = '' } = await cli.ready();
    return { cli, url, port: Number(new URL(url).port), adminUrl: admin };
  } catch (error) {
    if (engine !== 'iouring' || !cli.stderr.includes('io_uring')) throw error;
    t.skip('this host has no io_uring');
    return undefined;
  }
}
