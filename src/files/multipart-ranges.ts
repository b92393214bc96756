/** The content of an answer with several ranges: multipart/byteranges (RFC 9110 §14.6), as text between ranges of the file. */
import type { ByteRange } from './range.ts';

/** Bytes as they are, or a range of the file. */
export type Segment = Uint8Array | ByteRange;

interface MultipartRanges {
  readonly contentType: string;
  readonly contentLength: number;
  readonly segments: readonly Segment[];
}

/**
 * @param parts two or more
 * @param contentType of the file
 */
export function multipartOf(
  parts: readonly ByteRange[],
  sizeBytes: number,
  contentType: string,
): MultipartRanges {
  // Random, so that no file can hold it.
  const boundary = process.getBuiltinModule('node:crypto').randomUUID();
  const segments: Segment[] = [];
  let contentLength = 0;
  for (const part of parts) {
    const { start, end } = part;
    const head = Buffer.from(
      `${segments.length === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${contentType}\r\n` +
        `Content-Range: bytes ${start}-${end - 1}/${sizeBytes}\r\n\r\n`,
      'latin1',
    );
    segments.push(head, part);
    contentLength += head.length + end - start;
  }
  const last = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  segments.push(last);
  contentLength += last.length;
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, segments };
}

/** For a file that is in memory. */
export function joined(segments: readonly Segment[], content: Uint8Array): Uint8Array {
  return Buffer.concat(
    segments.map((segment) =>
      segment instanceof Uint8Array ? segment : content.subarray(segment.start, segment.end),
    ),
  );
}
