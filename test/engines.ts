/** The engines that tests of the whole server run on. */
import { selectEngine } from '#src/engine/select.ts';
import type { EngineName } from '#src/index.ts';

interface EngineHere {
  readonly engine: EngineName;
  /** For the `skip` of a test: false, or why. */
  readonly skip: string | false;
}

/** Every engine with a kernel, and why it cannot be tested here. `HOLDFAST_ENGINE` picks one. */
export async function enginesHere(): Promise<EngineHere[]> {
  const wanted = process.env['HOLDFAST_ENGINE'];
  const engines: EngineName[] = ['iouring', 'epoll', 'node'];
  return Promise.all(
    engines.map(async (engine) => {
      if (wanted !== undefined && wanted !== engine) return { engine, skip: `HOLDFAST_ENGINE=${wanted}` };
      return selectEngine(engine).then(
        () => ({ engine, skip: false as const }),
        (error: Error) => ({ engine, skip: error.message }),
      );
    }),
  );
}
