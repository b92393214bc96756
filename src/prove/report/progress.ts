/** What a run tells while it goes: a line for each thing that happened, on a terminal and nowhere else. */
import { escapeControls, paint } from '../../observe/terminal.ts';
import type { TimelineEntry } from '../results.ts';
import { seconds } from '../slow/deadlines.ts';

interface Output {
  write(text: string): void;
  readonly columns: number;
  readonly colour: boolean;
}

export class ProveProgress {
  readonly #output: Output;
  readonly #isOn: boolean;
  #hasLine = false;

  constructor(output: Output, isOn: boolean) {
    this.#output = output;
    this.#isOn = isOn;
  }

  /** What was found stays on the screen; everything else is one line that changes. */
  tell(target: string, { atMs, slice, text, severity }: TimelineEntry): void {
    if (!this.#isOn) return;
    const { columns, colour } = this.#output;
    const line = `${seconds(atMs).padStart(7)}  ${target}  ${slice}: ${escapeControls(text, false)}`.slice(
      0,
      columns - 1,
    );
    this.#clear();
    if (severity === undefined) {
      this.#output.write(paint(line, 'dim', colour));
      this.#hasLine = true;
    } else this.#output.write(`${paint(line, severity === 'high' ? 'red' : 'yellow', colour)}\n`);
  }

  stop(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#hasLine) this.#output.write('\r\x1b[K');
    this.#hasLine = false;
  }
}
