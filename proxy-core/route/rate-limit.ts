import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHeaderMatcher, type HeaderMatcher } from './header-matcher.ts';
import { compileQueryMatcher, type QueryMatcher } from './query-matcher.ts';

/** `envoy.config.route.v3.RateLimit`, compiled: makes one descriptor of a request, or none. */
export interface RateLimitPolicy {
  /** Only the filter of the same stage looks at it. */
  readonly stage: number;
  /** `ratelimit.<key>.http_filter_enabled` in the runtime switches it off; empty = nothing does. */
  readonly disableKey: string;
  readonly actions: readonly RateLimitAction[];
  /** Where dynamic metadata may hold another limit for the descriptor. */
  readonly limit: MetadataPath | null;
  readonly source: SourceRange;
}

/** `envoy.type.metadata.v3.MetadataKey` */
export interface MetadataPath {
  readonly namespace: string;
  readonly path: readonly string[];
}

export type RateLimitAction =
  | { readonly kind: 'source-cluster' | 'destination-cluster' | 'remote-address' | 'never' }
  | {
      readonly kind: 'request-header';
      readonly header: string;
      readonly key: string;
      readonly skipIfAbsent: boolean;
    }
  | { readonly kind: 'masked-remote-address'; readonly v4Bits: number; readonly v6Bits: number }
  | { readonly kind: 'generic-key'; readonly key: string; readonly value: string }
  | {
      readonly kind: 'header-match';
      readonly key: string;
      readonly value: string;
      readonly expectMatch: boolean;
      readonly headers: readonly HeaderMatcher[];
    }
  | {
      readonly kind: 'query-match';
      readonly key: string;
      readonly value: string;
      readonly expectMatch: boolean;
      readonly parameters: readonly QueryMatcher[];
    }
  | {
      readonly kind: 'metadata';
      readonly key: string;
      readonly metadata: MetadataPath;
      readonly defaultValue: string;
      readonly ofRoute: boolean;
      readonly skipIfAbsent: boolean;
    };

/** The field `rate_limits` of a route or a virtual host. */
export function compileRateLimits(reader: MessageReader, ctx: CompileContext): readonly RateLimitPolicy[] {
  return reader.messages('rate_limits').map((policy) => {
    const limit = policy.message('limit')?.message('dynamic_metadata')?.message('metadata_key');
    return {
      stage: policy.number('stage') ?? 0,
      disableKey: policy.string('disable_key') ?? '',
      actions: policy.messages('actions').map((action) => compileAction(action, ctx)),
      limit: limit === undefined ? null : compileMetadataKey(limit),
      source: policy.range,
    };
  });
}

function compileMetadataKey(reader: MessageReader): MetadataPath {
  return {
    namespace: reader.string('key') ?? '',
    path: reader.messages('path').map((segment) => segment.string('key') ?? ''),
  };
}

function compileAction(reader: MessageReader, ctx: CompileContext): RateLimitAction {
  if (reader.message('source_cluster') !== undefined) return { kind: 'source-cluster' };
  if (reader.message('destination_cluster') !== undefined) return { kind: 'destination-cluster' };
  if (reader.message('remote_address') !== undefined) return { kind: 'remote-address' };
  const masked = reader.message('masked_remote_address');
  if (masked !== undefined) {
    return {
      kind: 'masked-remote-address',
      v4Bits: masked.number('v4_prefix_mask_len') ?? 32,
      v6Bits: masked.number('v6_prefix_mask_len') ?? 128,
    };
  }
  const header = reader.message('request_headers');
  if (header !== undefined) {
    return {
      kind: 'request-header',
      header: (header.string('header_name') ?? '').toLowerCase(),
      key: header.string('descriptor_key') ?? '',
      skipIfAbsent: header.bool('skip_if_absent') ?? false,
    };
  }
  const generic = reader.message('generic_key');
  if (generic !== undefined) {
    return {
      kind: 'generic-key',
      key: generic.string('descriptor_key') || 'generic_key',
      value: generic.string('descriptor_value') ?? '',
    };
  }
  return compileMatchingAction(reader, ctx);
}

function compileMatchingAction(reader: MessageReader, ctx: CompileContext): RateLimitAction {
  const headerMatch = reader.message('header_value_match');
  if (headerMatch !== undefined) {
    return {
      kind: 'header-match',
      key: headerMatch.string('descriptor_key') || 'header_match',
      value: headerMatch.string('descriptor_value') ?? '',
      expectMatch: headerMatch.bool('expect_match') ?? true,
      headers: headerMatch.messages('headers').map((each) => compileHeaderMatcher(each, ctx)),
    };
  }
  const queryMatch = reader.message('query_parameter_value_match');
  if (queryMatch !== undefined) {
    return {
      kind: 'query-match',
      key: queryMatch.string('descriptor_key') || 'query_match',
      value: queryMatch.string('descriptor_value') ?? '',
      expectMatch: queryMatch.bool('expect_match') ?? true,
      parameters: queryMatch.messages('query_parameters').map((each) => compileQueryMatcher(each, ctx)),
    };
  }
  const dynamic = reader.message('dynamic_metadata');
  const metadata = dynamic ?? reader.message('metadata');
  if (metadata !== undefined) {
    const key = metadata.message('metadata_key');
    return {
      kind: 'metadata',
      key: metadata.string('descriptor_key') ?? '',
      metadata: key === undefined ? { namespace: '', path: [] } : compileMetadataKey(key),
      defaultValue: metadata.string('default_value') ?? '',
      ofRoute: dynamic === undefined && metadata.enumeration('source') === 'ROUTE_ENTRY',
      skipIfAbsent: dynamic === undefined && (metadata.bool('skip_if_absent') ?? false),
    };
  }
  ctx.report(
    'warning',
    'route.rate-limit-action',
    reader,
    'extension',
    'Descriptor extensions are not emulated: this policy makes no descriptor here.',
  );
  return { kind: 'never' };
}
