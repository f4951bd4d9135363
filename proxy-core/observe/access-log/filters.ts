import { grpcStatusOfHttp } from '../../base/grpc.ts';
import { headerValue } from '../../base/headers.ts';
import type { StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileHeaderMatcher, matchesHeader } from '../../route/header-matcher.ts';

/** `envoy.config.accesslog.v3.AccessLogFilter`, compiled: true means that the line is written. */
export type LogFilter = (info: StreamInfo) => boolean;

const GRPC_STATUSES: readonly string[] = [
  'OK',
  'CANCELED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

const DENOMINATORS: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** Filters that are not emulated let every line pass, and stay unread so that a notice tells of them. */
export function compileLogFilter(reader: MessageReader, ctx: CompileContext, logType: string): LogFilter {
  const status = reader.message('status_code_filter');
  if (status !== undefined) return compileComparison(status, ctx, (info) => info.responseCode);
  const duration = reader.message('duration_filter');
  if (duration !== undefined) {
    return compileComparison(duration, ctx, (info) => Math.floor(Math.max(0, info.end - info.start)));
  }
  if (reader.message('not_health_check_filter') !== undefined) return (info) => info.healthCheck !== true;
  const runtime = reader.message('runtime_filter');
  if (runtime !== undefined) return compileRuntimeFilter(runtime, ctx);
  const and = reader.message('and_filter');
  if (and !== undefined) {
    const filters = and.messages('filters').map((f) => compileLogFilter(f, ctx, logType));
    return (info) => filters.every((filter) => filter(info));
  }
  const or = reader.message('or_filter');
  if (or !== undefined) {
    const filters = or.messages('filters').map((f) => compileLogFilter(f, ctx, logType));
    return (info) => filters.some((filter) => filter(info));
  }
  const header = reader.message('header_filter')?.message('header');
  if (header !== undefined) {
    const matcher = compileHeaderMatcher(header, ctx);
    return (info) => info.requestHead !== null && matchesHeader(matcher, info.requestHead);
  }
  const flags = reader.message('response_flag_filter');
  if (flags !== undefined) {
    const wanted = new Set(flags.strings('flags'));
    if (wanted.size === 0) return (info) => info.responseFlags.length > 0;
    return (info) => info.responseFlags.some((flag) => wanted.has(flag));
  }
  const grpc = reader.message('grpc_status_filter');
  if (grpc !== undefined) return compileGrpcStatusFilter(grpc);
  const types = reader.message('log_type_filter');
  if (types !== undefined) {
    const listed = types.enumerations('types').includes(logType);
    const passes = types.bool('exclude') === true ? !listed : listed;
    return () => passes;
  }
  return () => true;
}

function compileComparison(
  filter: MessageReader,
  ctx: CompileContext,
  read: (info: StreamInfo) => number,
): LogFilter {
  const comparison = filter.message('comparison');
  const op = comparison?.enumeration('op') ?? 'EQ';
  const value = comparison?.message('value');
  const configured = value?.number('default_value') ?? 0;
  const key = value?.string('runtime_key') ?? '';
  const limit = (): number => {
    const override = key === '' ? undefined : ctx.runtime.get(key);
    return typeof override === 'number' ? override : configured;
  };
  switch (op) {
    case 'GE':
      return (info) => read(info) >= limit();
    case 'LE':
      return (info) => read(info) <= limit();
    case 'NE':
      return (info) => read(info) !== limit();
    default:
      return (info) => read(info) === limit();
  }
}

/** A share of the requests, chosen by the request id so that all hops choose the same ones. */
function compileRuntimeFilter(filter: MessageReader, ctx: CompileContext): LogFilter {
  const key = filter.string('runtime_key') ?? '';
  const percent = filter.message('percent_sampled');
  const numerator = percent?.number('numerator') ?? 0;
  const denominator = DENOMINATORS[percent?.enumeration('denominator') ?? 'HUNDRED'] ?? 100;
  const independent = filter.bool('use_independent_randomness') === true;
  return (info) => {
    const override = ctx.runtime.get(key);
    const share = typeof override === 'number' ? override : numerator;
    const of = typeof override === 'number' ? 100 : denominator;
    const draw =
      independent || !/^[0-9a-f]{8}/i.test(info.requestId)
        ? info.random
        : Number.parseInt(info.requestId.slice(0, 8), 16);
    return draw % of < share;
  };
}

function compileGrpcStatusFilter(filter: MessageReader): LogFilter {
  const wanted = new Set(filter.enumerations('statuses').map((name) => GRPC_STATUSES.indexOf(name)));
  const exclude = filter.bool('exclude') === true;
  return (info) => {
    const text =
      headerValue(info.responseTrailers ?? [], 'grpc-status') ??
      headerValue(info.responseHead?.headers ?? [], 'grpc-status');
    const status = text === undefined ? grpcStatusOfHttp(info.responseCode) : Number(text);
    return wanted.has(status) !== exclude;
  };
}
