/** A Response that answers every request alike: read once, when the server starts, and made anew of what was read for each request. */
import { OptionError } from '../base/errors.ts';
import { isLightResponse } from '../web/parts.ts';
import { ReadyFields, Response, readyResponse, readyText } from '../web/response.ts';

/** It is held in memory, and read before the server starts. Larger ones are files. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

type FixedAnswer = () => globalThis.Response;

/** @throws OptionError for a body that cannot be held */
export async function fixedAnswer(option: string, given: globalThis.Response): Promise<FixedAnswer> {
  if (given.bodyUsed) throw new OptionError(option, given, 'a Response whose body has not been read');
  const text = plainText(given);
  const bytes = text === undefined ? await bytesOf(option, given) : null;
  const fields = fieldsOf(given);
  const { status, contentType, names } = fields;
  if (text !== undefined && names.length === 0)
    return () => readyText(status, contentType, text) as unknown as globalThis.Response;
  const body = text === undefined ? bytes : Buffer.from(text);
  return () => readyResponse(fields, body) as unknown as globalThis.Response;
}

/** The text of one of ours that nothing else has been asked of. */
function plainText(given: unknown): string | undefined {
  if (!isLightResponse(given) || given._stream !== undefined) return undefined;
  return typeof given._source === 'string' ? given._source : undefined;
}

function fieldsOf(given: globalThis.Response): ReadyFields {
  const { status, statusText, headers } = given;
  return new ReadyFields(new Response(null, { status, statusText, headers: [...headers] }));
}

async function bytesOf(option: string, given: globalThis.Response): Promise<Uint8Array | null> {
  if (given.body === null) return null;
  // A copy, so that the same routes can be given to another server.
  const { body } = given.clone();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body!) {
    pieces.push(piece);
    length += piece.length;
    if (length > BODY_BYTES_MAX)
      throw new OptionError(
        option,
        given,
        `a Response of at most ${BODY_BYTES_MAX} bytes; a function may stream`,
      );
  }
  return Buffer.concat(pieces, length);
}
