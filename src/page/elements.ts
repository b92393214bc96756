/**
 * Elements of the page: finding, making and changing them. Whatever came from a client gets in as text, never as markup.
 * A table that is filled anew keeps the rows that it has, so that nothing jumps, and a selection or a focus stays.
 */

/** @throws Error when the page has no such element: a bug of ours */
export function at(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function sayAt(id: string, text: string): void {
  say(at(id), text);
}

export function make(name: string, className = '', text?: string): HTMLElement {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function showIf(id: string, isShown: boolean): void {
  const element = at(id);
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** One column of a table. */
export interface Column<T> {
  readonly name: string;
  /** For the cells and the head: `n` is for numbers. */
  readonly className?: string;
  /** Fills a cell that may have been filled before. */
  readonly fill: (cell: HTMLElement, row: T) => void;
}

/** A table whose head is made once, and whose rows are kept by their keys. */
export class KeyedTable<T> {
  readonly #columns: readonly Column<T>[];
  readonly #body: HTMLElement;
  readonly #keyOf: (row: T) => string;
  #rows = new Map<string, HTMLElement>();

  constructor(table: HTMLElement, columns: readonly Column<T>[], keyOf: (row: T) => string) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    // Where rows are folded into blocks they are no table any more for assistive technology, unless told so.
    table.setAttribute('role', 'table');
    const head = make('thead');
    head.setAttribute('role', 'rowgroup');
    const line = make('tr');
    line.setAttribute('role', 'row');
    for (const { name, className = '' } of columns) {
      const cell = make('th', className, name);
      cell.setAttribute('scope', 'col');
      cell.setAttribute('role', 'columnheader');
      line.append(cell);
    }
    head.append(line);
    this.#body = make('tbody');
    this.#body.setAttribute('role', 'rowgroup');
    table.append(head, this.#body);
  }

  fill(rows: readonly T[]): void {
    const kept = new Map<string, HTMLElement>();
    let place: Element | null = this.#body.firstElementChild;
    for (const row of rows) {
      const key = this.#keyOf(row);
      const line = this.#rows.get(key) ?? this.#line();
      kept.set(key, line);
      for (const [i, column] of this.#columns.entries()) column.fill(line.children[i] as HTMLElement, row);
      if (line === place) place = place.nextElementSibling;
      else this.#body.insertBefore(line, place);
    }
    for (const [key, line] of this.#rows) if (!kept.has(key)) line.remove();
    this.#rows = kept;
  }

  #line(): HTMLElement {
    const line = make('tr');
    line.setAttribute('role', 'row');
    this.#columns.forEach(({ name, className = '' }, i) => {
      const cell = make(i === 0 ? 'th' : 'td', className);
      if (i === 0) cell.setAttribute('scope', 'row');
      cell.setAttribute('role', i === 0 ? 'rowheader' : 'cell');
      cell.dataset['label'] = name;
      line.append(cell);
    });
    return line;
  }
}

/** A bar that is filled to a share of it. */
export function fillBar(cell: HTMLElement, share: number | null, text: string): void {
  let [bar, label] = [...cell.children] as HTMLElement[];
  if (bar === undefined || label === undefined) {
    bar = make('span', 'progress');
    bar.append(make('span', 'part'));
    bar.setAttribute('role', 'img');
    label = make('span', 'amount');
    cell.append(bar, label);
  }
  const part = bar.firstElementChild as HTMLElement;
  // Without a known end nothing is filled, which is not the same as nothing done.
  bar.classList.toggle('endless', share === null);
  part.style.width = share === null ? '100%' : `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`;
  bar.setAttribute('aria-label', share === null ? 'of unknown length' : `${Math.round(share * 100)} %`);
  say(label, text);
}
