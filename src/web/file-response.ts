/** The door for a Response whose body is a file: for rooms that open files. Programs have no such thing, and see an ordinary body. */
import { FileBody } from './file-body.ts';
import type { OpenFilePart } from './open-file-part.ts';
import { type ReadyFields, Response, type ResponseInit, readyResponse } from './response.ts';

/** A Response whose body is a part of a file. A Response that nobody sends or reads keeps its descriptor open. */
export function fileResponse(part: OpenFilePart, init?: ResponseInit): Response {
  const response = new Response(null, init);
  response._source = new FileBody(part);
  return response;
}

/** The same with fields that were checked when the first of its kind was made. */
export function readyFileResponse(fields: ReadyFields, part: OpenFilePart): Response {
  const response = readyResponse(fields, null);
  response._source = new FileBody(part);
  return response;
}
