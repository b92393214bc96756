/** Mistakes in a `boot.toml`, told on the command line: a line for each. */
import { CONFIG_NAME } from '../boot/boot-folder.ts';
import { BootConfigError } from '../boot/config-reader.ts';
import { MachineStoreError } from '../boot/machine-store.ts';
import { CommandError } from './failure.ts';

export function bootFailure(error: unknown): unknown {
  if (error instanceof BootConfigError)
    return new CommandError(`${CONFIG_NAME} cannot be used`, error.problems.join('\n'));
  if (error instanceof MachineStoreError) return new CommandError(`--state: ${error.message}`);
  return error;
}
