/**
 * An answer that is not sent: it came too late, or a second time, or it cannot be sent. Its body is told, so
 * that producers and handles are released. Nothing that it does in return reaches anybody.
 */
import { isOutgoing, ResponseParts, responseParts } from '../web/parts.ts';

export function discardResponse(response: unknown, reason: unknown): void {
  try {
    const { body } = responseParts(response, new ResponseParts());
    if (isOutgoing(body)) body.cancel(reason);
    return;
  } catch {
    // No Response, or one that is refused: it may have a stream all the same.
  }
  cancelStream(response, reason);
}

function cancelStream(response: unknown, reason: unknown): void {
  try {
    const body = (response as { body?: { cancel?: (reason: unknown) => unknown } | null } | null | undefined)
      ?.body;
    const cancelling = body?.cancel?.(reason);
    new Promise((resolve) => resolve(cancelling)).catch(ignore);
  } catch {
    // An object that throws when it is looked at cannot be told anything.
  }
}

function ignore(): void {}
