import type { StreamInfo } from '../../base/stream-info.ts';

/** What an operator gives: a missing value is null; numbers stay numbers in JSON; objects print as JSON. */
export type FormatValue =
  | string
  | number
  | boolean
  | null
  | Readonly<Record<string, unknown>>
  | readonly unknown[];

/** One compiled `%NAME(args):LEN%`: a pure read of the stream's facts. */
export type Operator = (info: StreamInfo) => FormatValue;

export interface OperatorDefinition {
  /** Whether `(…)` may, must or must not stand behind the name. */
  readonly args: 'none' | 'optional' | 'required';
  /** Whether `:LEN` is taken. */
  readonly length: boolean;
  /** Returns the operator, or an error text as Envoy words it. */
  compile(args: string, options: FormatOptions): Operator | FormatError;
  /** The operator for a JSON format that consists of it alone, where its value is not its text; else null. */
  compileValue?(args: string): Operator | null;
}

export interface FormatError {
  readonly error: string;
}

export interface FormatOptions {
  /** What a missing value prints as: `-` in logs, nothing in headers and with `omit_empty_values`. */
  readonly missing: '-' | '';
  /** `%ACCESS_LOG_TYPE%`: `DownstreamEnd`, `TcpConnectionEnd`; `NotSet` when left out. */
  readonly accessLogType?: string;
  /** True in `local_reply_config`: only there `%LOCAL_REPLY_BODY%` has the body; elsewhere it is empty. */
  readonly localReply?: boolean;
  /** Formatter extensions (`formatters`) that add operators, by the end of their names. */
  readonly extensions?: ReadonlySet<string>;
}

export type MetadataSource = 'ROUTE' | 'CLUSTER' | 'LISTENER' | 'UPSTREAM_HOST' | 'VIRTUAL_HOST';

export const LOG_FORMAT: FormatOptions = { missing: '-' };
export const HEADER_FORMAT: FormatOptions = { missing: '' };

/** An operator without arguments and length. */
export function plain(read: Operator): OperatorDefinition {
  return { args: 'none', length: false, compile: () => read };
}

/** An empty text counts as missing. */
export function orNull(text: string): string | null {
  return text === '' ? null : text;
}
