/**
 * The answer with a file: preconditions, ranges, fields and content (RFC 9110 §13 and §14). Where the file came from, and
 * that it is the one that was asked for, is the caller's matter.
 */
import { formatHttpDate } from '../protocol/semantics/http-date.ts';
import { fileResponse } from '../web/file-response.ts';
import { Response, sharedBytes } from '../web/response.ts';
import { streamFile } from './body.ts';
import { evaluatePreconditions, type FieldReader, rangeApplies, validatorsOf } from './conditional.ts';
import { joined, multipartOf, type Segment } from './multipart-ranges.ts';
import { plainAnswer } from './plain-answer.ts';
import { type ByteRange, chooseRanges } from './range.ts';
import type { OpenFile } from './source.ts';

/** What a request must offer: the standard's Request does, and so does a literal in a test. */
export interface FilesRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: FieldReader;
}

/** What is known of the file beside itself. */
export interface Told {
  readonly contentType: string;
  /** undefined for no limit. */
  readonly paceBytesPerSecond: number | undefined;
  /** Fields of a 200, and of a 304 (RFC 9110 §15.4.5), in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields that are about the content alone. */
  readonly contentFields: Readonly<Record<string, string>>;
}

interface Content {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly segments: readonly Segment[];
}

/**
 * Takes over `file`: it is closed when the answer is there, or by the body that is returned.
 * @param nowMs from before it was opened
 */
export function answerFile(
  request: FilesRequest,
  file: OpenFile,
  told: Told,
  nowMs: number,
): Response | Promise<Response> {
  let isHandedOver = false;
  try {
    const answer = contentOf(request, file, told, nowMs);
    if (!('segments' in answer)) return file.content === undefined ? closing(file, answer) : answer;
    const { status, headers, segments } = answer;
    const { content } = file;
    if (content === undefined) {
      isHandedOver = true;
      const [only] = segments;
      const isOne = only !== undefined && segments.length === 1 && !(only instanceof Uint8Array);
      const part = isOne ? file.part(only.start, only.end, told.paceBytesPerSecond) : undefined;
      return part === undefined
        ? new Response(streamFile(file, segments), { status, headers })
        : fileResponse(part, { status, headers });
    }
    const [first] = segments;
    if (first !== undefined && segments.length === 1 && !(first instanceof Uint8Array))
      return sharedBytes(
        first.end - first.start === content.length ? content : content.subarray(first.start, first.end),
        { status, headers },
      );
    return sharedBytes(joined(segments, content), { status, headers });
  } catch (error) {
    if (!isHandedOver) void file.close();
    throw error;
  }
}

async function closing(file: OpenFile, answer: Response): Promise<Response> {
  await file.close();
  return answer;
}

/** @returns an answer without the file's content, or what is to be sent of it */
function contentOf(request: FilesRequest, file: OpenFile, told: Told, nowMs: number): Response | Content {
  const { headers: fields, method } = request;
  const validators = validatorsOf(file, nowMs);
  const { entityTag, lastModifiedMs } = validators;
  const headers: Record<string, string> = { ...told.fields };
  if (entityTag !== undefined) headers['etag'] = entityTag;
  if (lastModifiedMs !== undefined) headers['last-modified'] = formatHttpDate(lastModifiedMs);
  const precondition = evaluatePreconditions(fields, validators, nowMs);
  if (precondition === 'not-modified') return new Response(null, { status: 304, headers });
  if (precondition === 'failed') return plainAnswer(412, 'Precondition Failed');
  const size = file.sizeBytes;
  // RFC 9110 §14.2: Range means nothing to any method but GET.
  const rangeField = method === 'GET' ? fields.get('range') : null;
  const choice =
    rangeField !== null && rangeApplies(fields, validators, nowMs) ? chooseRanges(rangeField, size) : WHOLE;
  if (choice.kind === 'unsatisfiable')
    return plainAnswer(416, 'Range Not Satisfiable', { 'content-range': `bytes */${size}` });
  Object.assign(headers, told.contentFields);
  headers['accept-ranges'] = 'bytes';
  if (choice.kind === 'parts') return partsOf(choice.parts, size, headers, told.contentType);
  headers['content-type'] = told.contentType;
  headers['content-length'] = String(size);
  if (method === 'HEAD') return new Response(null, { status: 200, headers });
  return { status: 200, headers, segments: size === 0 ? [] : [{ start: 0, end: size }] };
}

const WHOLE = { kind: 'whole' } as const;

function partsOf(
  parts: readonly ByteRange[],
  size: number,
  headers: Record<string, string>,
  contentType: string,
): Content {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) {
    headers['content-range'] = `bytes ${first.start}-${first.end - 1}/${size}`;
    headers['content-type'] = contentType;
    headers['content-length'] = String(first.end - first.start);
    return { status: 206, headers, segments: parts };
  }
  const multipart = multipartOf(parts, size, contentType);
  headers['content-type'] = multipart.contentType;
  headers['content-length'] = String(multipart.contentLength);
  return { status: 206, headers, segments: multipart.segments };
}
