/** The public door of Holdfast: re-exports only. */
export { AssertionFailure } from './base/assert.ts';
export { OptionError, SysError, UnavailableError } from './base/errors.ts';
export type { Duration, Size } from './base/units.ts';
export type { EngineName, RemoteAddress } from './engine/engine.ts';
export type { EventsEnd } from './events/event-stream.ts';
export type { ServerEvent } from './events/event-text.ts';
export type { EventSender, SendEvents } from './events/sources.ts';
export { type EventsOptions, type EventsSource, type EventTopics, sse } from './events/sse.ts';
export { type FilesEvent, type FilesHandler, files } from './files/files.ts';
export type { FilesOptions } from './files/options.ts';
export {
  ClientGoneError,
  HandlerTimeoutError,
  RequestFaultError,
  ResponseLengthError,
  ServerClosingError,
} from './http/errors.ts';
export type { ErrorHandler } from './http/exchange-host.ts';
export type { CloseMessage, ExchangeMessage, StateMessage } from './http/trace.ts';
export type { TrustProxy } from './http/trusted-proxies.ts';
export type { ConnectionRow } from './observe/connection-row.ts';
export type { LoggerLike } from './observe/logger-like.ts';
export { PubsubLimitError } from './pubsub/errors.ts';
export type { MessageData, PublishOptions } from './pubsub/message.ts';
export type {
  RouteContext,
  RoutedHandler,
  RouteHandler,
  RouteParams,
  RouteRequest,
  Routes,
  RouteValue,
} from './routes/route-types.ts';
export type { CloseOptions } from './server/close-plan.ts';
export { ServerClosedError, StartTimeoutError } from './server/errors.ts';
export type { Http2Allowance, Http2LimitOptions } from './server/http2-limits.ts';
export { ListenError } from './server/listen-error.ts';
export { ModuleError } from './server/module.ts';
export type { AdminOptions, HealthOptions } from './server/operator-options.ts';
export type {
  GracefulShutdownOptions,
  LimitOptions,
  ListenAddressInfo,
  OnListen,
  ServeOptions,
  TimeoutOptions,
} from './server/options.ts';
export type { PubsubOptions, ReplayOptions } from './server/pubsub-options.ts';
export { serve } from './server/serve.ts';
export type { EngineChoice, Server, ServerStats } from './server/server.ts';
export type { CloseReport } from './server/thread-closing.ts';
export type { SniFunction, TlsCertificateOptions, TlsOptions } from './server/tls-options.ts';
export type {
  ClientAddress,
  ConnectionTls,
  FetchApp,
  FetchHandler,
  HandlerRequest,
  InterimFields,
  PeerCertificate,
  ProxyHeaderFacts,
  ProxyTls,
  RequestContext,
} from './web/context.ts';
export { installGlobals } from './web/globals.ts';
export { Headers, Response } from './web/public-classes.ts';
export type {
  SendOptions,
  UpgradeAnswer,
  UpgradeOptions,
  WebSocketClose,
  WebSocketData,
  WebSocketHooks,
  WebSocketMessage,
  WebSocketPeer,
} from './web/websocket.ts';
export type { WebSocketOptions } from './web/websocket-options.ts';
