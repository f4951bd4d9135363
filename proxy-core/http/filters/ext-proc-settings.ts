import type { Counter } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileStringMatcher } from '../../route/string-matcher.ts';
import type { NameMatchers } from './ext-authz-settings.ts';
import type { FilterEnvironment } from './extension.ts';
import { compileMutationRules, type MutationRules } from './mutation-rules.ts';
import { compileGrpcService, type GrpcServiceTarget } from './service-target.ts';
import { ServiceWatch } from './service-watch.ts';

/** What of one message is sent to the processor. `BUFFERED`: the whole body at once; `STREAMED`: as it comes. */
export interface DirectionMode {
  readonly headers: boolean;
  readonly body: 'NONE' | 'STREAMED' | 'BUFFERED';
  readonly trailers: boolean;
}

/** `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode`, compiled. */
export interface ProcessingMode {
  readonly request: DirectionMode;
  readonly response: DirectionMode;
}

/** `envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor`, compiled. Durations in milliseconds. */
export interface ExtProcSettings {
  readonly name: string;
  readonly source: SourceRange;
  readonly service: GrpcServiceTarget;
  readonly failureModeAllow: boolean;
  readonly mode: ProcessingMode;
  readonly messageTimeout: number;
  /** Longest timeout that the processor may ask for; 0 = it may not. */
  readonly maxMessageTimeout: number;
  readonly rules: MutationRules;
  /** Null: all. */
  readonly allowedHeaders: NameMatchers | null;
  readonly disallowedHeaders: NameMatchers;
  readonly allowModeOverride: boolean;
  readonly allowImmediate: boolean;
  readonly clearRouteCache: 'DEFAULT' | 'CLEAR' | 'RETAIN';
  readonly forwardedMetadata: readonly string[];
  readonly receivedMetadata: ReadonlySet<string>;
  readonly stats: ExtProcStats;
  readonly watch: ServiceWatch;
}

export type ExtProcStats = Readonly<Record<(typeof STATS)[number], Counter>>;

const STATS = [
  'streams_started',
  'stream_msgs_sent',
  'stream_msgs_received',
  'spurious_msgs_received',
  'streams_closed',
  'streams_failed',
  'failure_mode_allowed',
  'message_timeouts',
  'rejected_header_mutations',
  'override_message_timeout_received',
  'override_message_timeout_ignored',
  'clear_route_cache_ignored',
  'clear_route_cache_disabled',
  'clear_route_cache_upstream_ignored',
] as const;

/** Milliseconds. */
const DEFAULT_TIMEOUT = 200;

export function compileExtProc(
  name: string,
  reader: MessageReader,
  ctx: CompileContext,
  { stats, statPrefix }: FilterEnvironment,
): ExtProcSettings {
  const grpc = reader.message('grpc_service') as MessageReader;
  const service = compileGrpcService(grpc, 0, ctx);
  const forward = reader.message('forward_rules');
  const metadata = reader.message('metadata_options');
  const failureModeAllow = reader.bool('failure_mode_allow') ?? false;
  const ownPrefix = reader.string('stat_prefix') ?? '';
  const prefix = `${statPrefix}ext_proc.${ownPrefix === '' ? '' : `${ownPrefix}.`}`;
  const counters = Object.fromEntries(STATS.map((stat) => [stat, stats.counter(prefix + stat)]));
  const patterns = (field: string): NameMatchers | null =>
    forward
      ?.message(field)
      ?.messages('patterns')
      .map((each) => compileStringMatcher(each, ctx)) ?? null;
  const disabledClear = reader.bool('disable_clear_route_cache') ?? false;
  const action = (reader.enumeration('route_cache_action') ??
    'DEFAULT') as ExtProcSettings['clearRouteCache'];
  return {
    name,
    source: reader.range,
    service,
    failureModeAllow,
    mode: compileMode(reader.message('processing_mode'), ctx),
    messageTimeout: reader.duration('message_timeout') ?? DEFAULT_TIMEOUT,
    maxMessageTimeout: reader.duration('max_message_timeout') ?? 0,
    rules: compileMutationRules(reader.message('mutation_rules'), ctx),
    allowedHeaders: patterns('allowed_headers'),
    disallowedHeaders: patterns('disallowed_headers') ?? [],
    allowModeOverride: reader.bool('allow_mode_override') ?? false,
    allowImmediate: !(reader.bool('disable_immediate_response') ?? false),
    clearRouteCache: disabledClear ? 'RETAIN' : action,
    forwardedMetadata: metadata?.message('forwarding_namespaces')?.strings('untyped') ?? [],
    receivedMetadata: new Set(metadata?.message('receiving_namespaces')?.strings('untyped') ?? []),
    stats: counters as ExtProcStats,
    watch: new ServiceWatch(
      name,
      service.cluster,
      failureModeAllow
        ? 'Requests pass unprocessed (failure_mode_allow).'
        : 'Requests are answered with 500, or 504 when it is too slow.',
    ),
  };
}

export function compileMode(reader: MessageReader | undefined, ctx: CompileContext): ProcessingMode {
  const direction = (side: 'request' | 'response'): DirectionMode => {
    const body = reader?.enumeration(`${side}_body_mode`) ?? 'NONE';
    if (body === 'BUFFERED_PARTIAL' && reader !== undefined) {
      ctx.report(
        'notice',
        'filter.ext-proc-partial',
        reader,
        `${side}_body_mode`,
        'BUFFERED_PARTIAL works as BUFFERED here: a body larger than the buffer is refused.',
      );
    }
    return {
      headers: reader?.enumeration(`${side}_header_mode`) !== 'SKIP',
      body: body === 'STREAMED' ? 'STREAMED' : body === 'NONE' ? 'NONE' : 'BUFFERED',
      trailers: reader?.enumeration(`${side}_trailer_mode`) === 'SEND',
    };
  };
  return { request: direction('request'), response: direction('response') };
}

/** `ExtProcPerRoute`, compiled. */
export interface ExtProcRouteSettings {
  readonly disabled: boolean;
  readonly mode: ProcessingMode | null;
  readonly service: GrpcServiceTarget | null;
}

export function compileExtProcRoute(reader: MessageReader, ctx: CompileContext): ExtProcRouteSettings {
  const overrides = reader.message('overrides');
  const mode = overrides?.message('processing_mode');
  const grpc = overrides?.message('grpc_service');
  return {
    disabled: reader.bool('disabled') ?? false,
    mode: mode === undefined ? null : compileMode(mode, ctx),
    service: grpc === undefined ? null : compileGrpcService(grpc, 0, ctx),
  };
}

interface ModeMessage {
  readonly requestHeaderMode: number;
  readonly responseHeaderMode: number;
  readonly requestBodyMode: number;
  readonly responseBodyMode: number;
  readonly requestTrailerMode: number;
  readonly responseTrailerMode: number;
}

/** `mode_override` of an answer: headers of the request are past, everything else follows it. */
export function modeOf(message: ModeMessage, before: ProcessingMode): ProcessingMode {
  const body = (mode: number): DirectionMode['body'] =>
    mode === 0 ? 'NONE' : mode === 1 ? 'STREAMED' : 'BUFFERED';
  return {
    request: {
      headers: before.request.headers,
      body: body(message.requestBodyMode),
      trailers: message.requestTrailerMode === 1,
    },
    response: {
      headers: message.responseHeaderMode !== 2,
      body: body(message.responseBodyMode),
      trailers: message.responseTrailerMode === 1,
    },
  };
}
