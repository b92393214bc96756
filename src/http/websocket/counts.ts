/** What a thread counts of its WebSockets, as `stats()` and the metrics have it. */

export type WebSocketCounts = {
  /** Connections that were opened. */
  opened: number;
  messagesReceived: number;
  /** Taken to be sent, published ones included. */
  messagesSent: number;
  /** Not sent, because their reader lags too far behind. */
  messagesDropped: number;
  pingsSent: number;
};

export function emptyWebSocketCounts(): WebSocketCounts {
  return { opened: 0, messagesReceived: 0, messagesSent: 0, messagesDropped: 0, pingsSent: 0 };
}
