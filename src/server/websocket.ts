/**
 * WebSocket as the server's thread needs it: a file of its own in what is shipped, loaded for the first request that asks for
 * it (late-code.ts).
 */
import { createHash } from 'node:crypto';
import type { WebSocketTools } from '../http/websocket/thread.ts';

import { createCompressor } from './message-compressor.ts';

export { WebSocketThread } from '../http/websocket/thread.ts';
export { upgradeToWebSocket } from '../http/websocket/upgrade.ts';

/** What the handshake proves itself with: RFC 6455 §4.2.2. */
function sha1(text: string): string {
  return createHash('sha1').update(text, 'latin1').digest('base64');
}

export const tools: WebSocketTools = { sha1, createCompressor };
