/**
 * One chart over the last minutes: a card with the figure of now, a legend that tells the values under the cursor, and
 * lines that uPlot draws. All charts have the same seconds from left to right, and one cursor goes through all of them.
 *
 * A summary tells it to those who cannot see a canvas, and the arrow keys move through its seconds.
 */
import uPlot from 'uplot';
import { at, make, say } from './elements.ts';
import { type History, type Measure, WINDOW_SECONDS } from './history.ts';
import { clock, NOTHING } from './numbers.ts';

interface Line {
  readonly measure: Measure;
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly colour: string;
  readonly isFilled?: boolean;
}

export interface ChartPlan {
  readonly id: string;
  readonly lines: readonly Line[];
  readonly format: (value: number | null) => string;
  /** For the axis: short, and without the unit where the title says it. */
  readonly axis: (value: number) => string;
  /** The axis reaches at least so high, so that noise does not look like a storm. */
  readonly highMin: number;
}

const HEIGHT_PX = 132;
const AXIS_WIDTH_PX = 54;
const WINDOW_SECONDS_MIN = 60;
const CURSOR_KEY = 'seconds';

export class Chart {
  readonly #plan: ChartPlan;
  readonly #history: History;
  readonly #plot: uPlot;
  readonly #values: HTMLElement[] = [];
  readonly #time: HTMLElement;
  readonly #box: HTMLElement;
  readonly #spoken: HTMLElement;
  #readIndex: number | null = null;

  constructor(plan: ChartPlan, history: History) {
    this.#plan = plan;
    this.#history = history;
    const card = at(plan.id);
    const legend = make('p', 'legend');
    this.#time = at(`${plan.id}-time`);
    for (const line of plan.lines) {
      const item = make('span', 'item');
      const swatch = make('i', 'swatch');
      swatch.style.background = `var(${line.colour})`;
      swatch.setAttribute('aria-hidden', 'true');
      const value = make('b', '', NOTHING);
      this.#values.push(value);
      item.append(swatch, `${line.name} `, value);
      legend.append(item);
    }
    this.#box = make('div', 'plot');
    this.#box.tabIndex = 0;
    this.#box.setAttribute('role', 'group');
    this.#spoken = make('p', 'spoken');
    this.#spoken.setAttribute('role', 'status');
    card.append(legend, this.#box, this.#spoken);
    this.#plot = new uPlot(this.#options(), [[], ...plan.lines.map(() => [])], this.#box);
    new ResizeObserver(() => this.#fit()).observe(this.#box);
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('blur', () => this.#unread());
  }

  draw(): void {
    const { seconds } = this.#history;
    this.#plot.setData([
      this.#history.column('at') as number[],
      ...this.#plan.lines.map(({ measure }) => this.#history.column(measure)),
    ]);
    this.#tell(this.#readIndex ?? seconds.length - 1);
    this.#describe();
  }

  /** Colours have changed. */
  redraw(): void {
    this.#plot.redraw(false);
  }

  #fit(): void {
    const width = this.#box.clientWidth;
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  #options(): uPlot.Options {
    const { lines, axis, highMin } = this.#plan;
    const grid = { stroke: () => colour('--line'), width: 1 };
    const font = '11px system-ui, sans-serif';
    return {
      width: Math.max(200, this.#box.clientWidth),
      height: HEIGHT_PX,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        sync: { key: CURSOR_KEY },
        points: { size: 7 },
      },
      scales: {
        x: { time: true, range: () => this.#window() },
        y: { range: (_plot, _low, high) => [0, Math.max(highMin, (high ?? 0) * 1.1)] },
      },
      axes: [
        {
          stroke: () => colour('--dim'),
          font,
          grid: { ...grid, show: false },
          ticks: { show: false },
          size: 22,
          space: 64,
          incrs: [15, 30, 60, 120],
          values: (_plot, splits, _axis, _space, step) =>
            splits.map((second) => clock(second * 1000).slice(0, step < 60 ? 8 : 5)),
        },
        {
          stroke: () => colour('--dim'),
          font,
          grid,
          ticks: { show: false },
          size: AXIS_WIDTH_PX,
          space: 26,
          values: (_plot, splits) => splits.map((value) => axis(value)),
        },
      ],
      series: [
        {},
        ...lines.map(
          (line): uPlot.Series => ({
            label: line.name,
            stroke: () => colour(line.colour),
            width: 1.6,
            points: { show: false },
            spanGaps: false,
            ...(line.isFilled === true ? { fill: () => `${colour(line.colour)}26` } : {}),
          }),
        ),
      ],
      hooks: { setCursor: [(plot) => this.#read(plot.cursor.idx ?? null)] },
    };
  }

  #window(): [number, number] {
    const end = this.#history.seconds.at(-1)?.at ?? Date.now() / 1000;
    const begin = this.#history.seconds[0]?.at ?? end;
    // It grows with what there is to show, from one minute on.
    return [end - Math.min(WINDOW_SECONDS, Math.max(WINDOW_SECONDS_MIN, end - begin)), end];
  }

  #read(index: number | null): void {
    this.#readIndex = index;
    this.#tell(index ?? this.#history.seconds.length - 1);
  }

  #tell(index: number): void {
    const second = this.#history.seconds[index];
    say(this.#time, this.#readIndex === null || second === undefined ? 'now' : clock(second.at * 1000));
    for (const [i, { measure }] of this.#plan.lines.entries())
      say(this.#values[i]!, this.#plan.format(second?.[measure] ?? null));
  }

  #describe(): void {
    const { lines, format } = this.#plan;
    const parts = lines.map(({ measure, name }) => {
      const known = this.#history.column(measure).filter((value) => value !== null);
      if (known.length === 0) return `${name}: nothing yet`;
      return `${name}: now ${format(known.at(-1)!)}, at least ${format(Math.min(...known))}, at most ${format(Math.max(...known))}`;
    });
    this.#box.setAttribute(
      'aria-label',
      `The last minutes. ${parts.join('. ')}. Left and right arrow keys read single seconds.`,
    );
  }

  #key(event: KeyboardEvent): void {
    const last = this.#history.seconds.length - 1;
    const from = this.#readIndex ?? last;
    const to =
      event.key === 'ArrowLeft'
        ? from - 1
        : event.key === 'ArrowRight'
          ? from + 1
          : event.key === 'Home'
            ? 0
            : event.key === 'End'
              ? last
              : undefined;
    if (event.key === 'Escape') this.#unread();
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, to));
    const second = this.#history.seconds[index]!;
    this.#plot.setCursor({ left: this.#plot.valToPos(second.at, 'x'), top: 10 });
    this.#read(index);
    const values = this.#plan.lines.map(
      ({ measure, name }) => `${name} ${this.#plan.format(second[measure])}`,
    );
    say(this.#spoken, `${clock(second.at * 1000)}: ${values.join(', ')}`);
  }

  #unread(): void {
    this.#plot.setCursor({ left: -10, top: -10 });
    this.#read(null);
    say(this.#spoken, '');
  }
}

/** A custom property of the style sheet, as the screen has it now: light or dark. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
