/**
 * What comes first: what limited the run, in plain words, what that means for the figures below, how it is
 * known, and what to do about it.
 */
import type { LimitName, LoadResult } from '../../measure/load-result.ts';
import { limitAnswer } from './limit-section.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatAskedRate, formatDuration, UNIT_SPACE } from './numbers.ts';

/** `fair`: the figures say something about the server; `client`: more about the client; `bad`: little at all. */
type Tone = 'fair' | 'client' | 'bad';

interface Reading {
  readonly headline: string;
  readonly meaning: string;
  readonly tone: Tone;
}

const READINGS: Record<LimitName, Reading> = {
  'server-cpu': {
    headline: 'The server’s CPU was the limit',
    meaning: 'The figures below are what this server can do on the CPU that it had.',
    tone: 'fair',
  },
  'client-cpu': {
    headline: 'This client’s CPU was the limit',
    meaning:
      'The server could perhaps do more: read its rates as a lower bound, and latencies as an upper bound.',
    tone: 'client',
  },
  'ephemeral-ports': {
    headline: 'The client ran out of source ports',
    meaning: 'The figures below say how fast ports become free again, and little about the server.',
    tone: 'client',
  },
  descriptors: {
    headline: 'The client ran out of descriptors',
    meaning: 'Connections could not be opened as planned: the figures below say little about the server.',
    tone: 'client',
  },
  network: {
    headline: 'The network was the limit',
    meaning: 'The figures below are what goes over this link.',
    tone: 'fair',
  },
  'handler-time': {
    headline: 'The time that each answer takes was the limit',
    meaning: 'Neither side was short of CPU: how long each answer takes decided how many there were.',
    tone: 'fair',
  },
  'asked-rate': {
    headline: 'The asked rate was the limit',
    meaning: 'Nothing else held this run back: how much more the server could do, it does not say.',
    tone: 'fair',
  },
  errors: {
    headline: 'Errors decided this run',
    meaning: 'The figures below describe failures more than the server’s work.',
    tone: 'bad',
  },
  unknown: {
    headline: 'No single limit was found',
    meaning: 'Nothing that was watched stands out as what held this run back.',
    tone: 'fair',
  },
};

const SIGNS: Record<Tone, string> = { fair: 'i', client: '!', bad: '✕' };

export function drawVerdict(result: LoadResult): Markup {
  const { verdict } = result;
  const reading = limitReading(result) ?? failedAtRate(result) ?? READINGS[verdict.limit] ?? READINGS.unknown;
  return html`<section class="card verdict ${reading.tone}" aria-labelledby="verdict">
<span class="sign" aria-hidden="true">${SIGNS[reading.tone]}</span>
<div class="words"><h2 id="verdict">${reading.headline}</h2>
<p class="sentence">${verdict.sentence}</p>
<p>${reading.meaning}</p>
${interruption(result)}
${verdict.evidence.length + verdict.remedies.length > 0 && html`<div class="reasons">${list('How this is known', verdict.evidence)}${list('What to do', verdict.remedies)}</div>`}
</div></section>`;
}

/** The schedule was kept, and that is not what the reader must know first. */
function failedAtRate({ verdict, requests }: LoadResult): Reading | undefined {
  if (verdict.limit !== 'asked-rate' || requests.failed === 0) return undefined;
  return {
    headline: 'The asked rate was kept, and requests failed',
    meaning: 'Nothing held the load back; what failed is under errors and statuses.',
    tone: 'client',
  };
}

/** What a search found matters more than what limited the run that found it. */
function limitReading(result: LoadResult): Reading | undefined {
  const headline = limitAnswer(result);
  const asked = result.plan.ratePerSecond;
  if (headline === undefined) return undefined;
  const at = asked === undefined ? 'the best step' : `the step at ${formatAskedRate(asked)} req/s`;
  return { headline, meaning: `The figures below are those of ${at}.`, tone: 'fair' };
}

function interruption(result: LoadResult): Piece {
  if (!result.interrupted) return undefined;
  const planned = result.plan.durationMs;
  const of = planned === undefined ? '' : ` of ${formatDuration(planned)}`;
  return html`<p class="interrupted"><strong>Stopped before its time:</strong> ${formatDuration(result.durationMs)}${of} were measured.</p>`;
}

/** Flags as what they are: a line is not broken at their dashes. */
function withFlags(sentence: string): Piece[] {
  return sentence
    .replace(UNIT, `$1${UNIT_SPACE}$2`)
    .split(FLAG)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** A number and its unit. */
const UNIT = /(\d) (%|µs|ms|s|B|kB|MB|GB)(?![\w])/g;
const FLAG = /(?<=^|\s|\()(--?[a-z][a-z-]*|\d+(?:\.\d+){3}-\d+(?:\.\d+){3})/;

function list(title: string, sentences: readonly string[]): Piece {
  if (sentences.length === 0) return undefined;
  return html`<div><h3>${title}</h3><ul>${sentences.map((sentence) => html`<li>${withFlags(sentence)}</li>`)}</ul></div>`;
}
