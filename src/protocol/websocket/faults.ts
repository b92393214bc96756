/**
 * What a WebSocket peer may do wrong, as data: which close code tells it so (RFC 6455 §7.4.1), the name under which it is counted,
 * and where the rule stands.
 */

export interface WebSocketFault {
  /** For the metrics. */
  readonly code: string;
  readonly closeCode: number;
  /** Sent as the reason of the close frame: 123 bytes at most (RFC 6455 §5.5). */
  readonly sentence: string;
  readonly section: string;
}

function fault(code: string, closeCode: number, sentence: string, section: string): WebSocketFault {
  return Object.freeze({ code, closeCode, sentence, section });
}

const PROTOCOL = 1002;

export const FAULT_RESERVED_BIT = fault(
  'websocket-reserved-bit',
  PROTOCOL,
  'a reserved bit is set that no extension uses',
  'RFC 6455 §5.2',
);
export const FAULT_OPCODE = fault('websocket-opcode', PROTOCOL, 'the opcode is reserved', 'RFC 6455 §5.2');
export const FAULT_UNMASKED = fault(
  'websocket-unmasked',
  PROTOCOL,
  'frames of clients have to be masked, and of servers must not be',
  'RFC 6455 §5.1',
);
export const FAULT_LENGTH = fault(
  'websocket-length',
  PROTOCOL,
  'the length is not in its shortest form, or beyond 63 bits',
  'RFC 6455 §5.2',
);
export const FAULT_CONTROL = fault(
  'websocket-control',
  PROTOCOL,
  'a control frame is in fragments or longer than 125 bytes',
  'RFC 6455 §5.5',
);
export const FAULT_FRAGMENT = fault(
  'websocket-fragment',
  PROTOCOL,
  'a message begins within another, or goes on without having begun',
  'RFC 6455 §5.4',
);
export const FAULT_CLOSE_CODE = fault(
  'websocket-close-code',
  PROTOCOL,
  'the close code is not one that may be sent',
  'RFC 6455 §7.4',
);
export const FAULT_UTF8 = fault('websocket-utf8', 1007, 'the text is not UTF-8', 'RFC 6455 §8.1');
export const FAULT_DEFLATE = fault(
  'websocket-deflate',
  1007,
  'the compressed message cannot be inflated',
  'RFC 7692 §7.2.2',
);
export const FAULT_TOO_BIG = fault(
  'websocket-too-big',
  1009,
  'the message is longer than this server takes',
  'RFC 6455 §7.4.1',
);
