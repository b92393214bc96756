/**
 * Questions and answers of any size over a link: payloads are cut into messages on the way out and put
 * together on the way in. A long answer is fetched frame by frame by whoever asked, so that nobody is
 * sent more than it can take and a frame that is lost is asked for again.
 */
import { Fields } from './fields.ts';
import { encodeFrame, type Frame, readFrame, WireError } from './frame.ts';
import type { Link } from './link.ts';
import { fromBody, PayloadAssembler, toFrames } from './payload.ts';

/** Long answers that are kept until they are fetched; the oldest is dropped. */
const KEPT_MAX = 4;
/** One frame of a long question or answer is tried so often: all else would start from the beginning. */
const FRAME_TRIES = 3;

/** The other side has understood, and says no. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** `busy`, `late`, `target`, `session`, ...: see agent.ts. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Answer {
  /** The name of the side that answers. */
  readonly from: string;
  readonly fields: Fields;
}

export class MessageTransport {
  readonly #link: Link;
  readonly #name: string;
  readonly #newId: () => string;

  constructor(link: Link, name: string, newId: () => string) {
    this.#link = link;
    this.#name = name;
    this.#newId = newId;
  }

  /**
   * @param timeoutMs for each message
   * @throws LinkError, WireError, RefusedError
   */
  async ask(subject: string, question: object, timeoutMs: number): Promise<Answer> {
    const frames = toFrames(question, this.#name, this.#newId(), this.#link.messageBytesMax);
    let last: Frame | undefined;
    for (const frame of frames) {
      const tries = frames.length === 1 ? 1 : FRAME_TRIES;
      last = readFrame(await this.#tryAsk(subject, encodeFrame(frame), timeoutMs, tries));
      if (frame.part < frames.length - 1) throwRefusal(last);
    }
    return this.#collect(subject, last!, timeoutMs); // there is at least one frame
  }

  /** @param onFault told of answers that cannot be read: of a stranger's version, say */
  askAll(
    subject: string,
    question: object,
    onAnswer: (answer: Answer) => void,
    onFault: (error: unknown) => void,
  ): () => void {
    const [frame] = toFrames(question, this.#name, this.#newId(), this.#link.messageBytesMax);
    return this.#link.askAll(subject, encodeFrame(frame!), (message) => {
      try {
        const reply = readFrame(message);
        onAnswer(answerOf(reply, fromBody(reply.body, reply.isPacked)));
      } catch (error) {
        onFault(error);
      }
    });
  }

  async #collect(subject: string, first: Frame, timeoutMs: number): Promise<Answer> {
    const assembler = new PayloadAssembler();
    let whole = assembler.add(first);
    for (let part = 1; whole === undefined; part++) {
      const [frame] = toFrames(
        { type: 'more', payload: first.payload, part },
        this.#name,
        this.#newId(),
        this.#link.messageBytesMax,
      );
      const reply = readFrame(await this.#tryAsk(subject, encodeFrame(frame!), timeoutMs, FRAME_TRIES));
      if (reply.payload !== first.payload || reply.part !== part) {
        throwRefusal(reply);
        throw new WireError('malformed', 'a frame that was not asked for', reply.from);
      }
      whole = assembler.add(reply);
    }
    return answerOf(first, whole.value);
  }

  async #tryAsk(subject: string, message: Uint8Array, timeoutMs: number, tries: number): Promise<Uint8Array> {
    for (let left = tries - 1; ; left--) {
      try {
        return await this.#link.ask(subject, message, timeoutMs);
      } catch (error) {
        if (left <= 0) throw error;
      }
    }
  }
}

function throwRefusal(frame: Frame): void {
  if (frame.parts === 1) answerOf(frame, fromBody(frame.body, frame.isPacked));
}

/** @throws RefusedError */
function answerOf(frame: Frame, value: unknown): Answer {
  const fields = new Fields(value, '');
  if (fields.text('type', 40) === 'refused')
    throw new RefusedError(fields.text('code', 40), fields.text('message', 4000));
  return { from: frame.from, fields };
}

/** A question as it has come in. */
export interface Question {
  readonly fields: Fields;
  /** The name that the asking side gives itself. */
  readonly from: string;
  /** When its last frame came. */
  readonly receivedMs: number;
}

interface Answerer {
  readonly name: string;
  readonly newId: () => string;
  readonly nowMs: () => number;
  /**
   * What it throws becomes a refusal: RefusedError and WireError under their own code, all else as
   * `failed`. Undefined is no answer at all.
   */
  answer(question: Question): object | undefined | Promise<object | undefined>;
  /** Told of what could not be read or was refused. */
  onRefused(error: Error, from: string | undefined): void;
}

/** Answers whatever comes in at `subject`. */
export function answerAt(link: Link, subject: string, answerer: Answerer): void {
  const assembler = new PayloadAssembler();
  const kept = new Map<string, Frame[]>();
  const send = (reply: (message: Uint8Array) => void, value: object) => {
    const frames = toFrames(value, answerer.name, answerer.newId(), link.messageBytesMax);
    if (frames.length > 1) {
      if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value!); // there are some
      kept.set(frames[0]!.payload, frames);
    }
    reply(encodeFrame(frames[0]!)); // toFrames makes at least one
  };
  const refuse = (reply: (message: Uint8Array) => void, error: unknown, from: string | undefined) => {
    const failure = error instanceof Error ? error : new Error(String(error));
    const isNamed = failure instanceof RefusedError || failure instanceof WireError;
    send(reply, {
      type: 'refused',
      code: isNamed ? failure.code : 'failed',
      message: failure.message.slice(0, 4000),
    });
    answerer.onRefused(failure, from);
  };
  const more = (fields: Fields): Frame => {
    const frames = kept.get(fields.text('payload', 100));
    const frame = frames?.[fields.integer('part', 0, 1e9)];
    if (frame === undefined) throw new RefusedError('state', 'the rest of that answer is not kept any more');
    return frame;
  };
  link.listen(subject, (message, reply) => {
    const receivedMs = answerer.nowMs();
    let from: string | undefined;
    const answer = async () => {
      const frame = readFrame(message);
      from = frame.from;
      const whole = assembler.add(frame);
      if (whole === undefined) return send(reply, { type: 'part' });
      const fields = new Fields(whole.value, '');
      if (fields.text('type', 40) === 'more') return reply(encodeFrame(more(fields)));
      const value = await answerer.answer({ fields, from, receivedMs });
      if (value !== undefined) send(reply, value);
    };
    answer().catch((error) => refuse(reply, error, from ?? (error as WireError).from));
  });
}
