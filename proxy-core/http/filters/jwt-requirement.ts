import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { JwtExtractor } from './jwt-extract.ts';
import { type JwtProvider, plainAudience } from './jwt-provider.ts';

/** `envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement`, compiled. */
export type JwtRequirement =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'provider';
      readonly provider: JwtProvider;
      readonly audiences: ReadonlySet<string>;
      readonly extractor: JwtExtractor;
    }
  | { readonly kind: 'any' | 'all'; readonly of: readonly JwtRequirement[] }
  | {
      readonly kind: 'allow-missing' | 'allow-missing-or-failed';
      readonly extractor: JwtExtractor;
    };

export type JwtProviders = ReadonlyMap<string, JwtProvider>;

const NONE: JwtRequirement = { kind: 'none' };

export function compileRequirement(
  reader: MessageReader | undefined,
  providers: JwtProviders,
  ctx: CompileContext,
  /** Whose tokens `allow_missing` looks at; null = everybody's. */
  used: readonly JwtProvider[] | null = null,
): JwtRequirement {
  if (reader === undefined) return NONE;
  const name = reader.string('provider_name');
  if (name !== undefined) return ofProvider(name, null, reader, 'provider_name', providers, ctx);
  const withAudiences = reader.message('provider_and_audiences');
  if (withAudiences !== undefined) {
    const provider = withAudiences.string('provider_name') ?? '';
    const audiences = withAudiences.strings('audiences');
    return ofProvider(provider, audiences, withAudiences, 'provider_name', providers, ctx);
  }
  const any = reader.message('requires_any');
  if (any !== undefined) return anyOf(any.messages('requirements'), providers, ctx);
  const all = reader.message('requires_all');
  if (all !== undefined) {
    const of = all.messages('requirements').map((each) => compileRequirement(each, providers, ctx));
    return { kind: 'all', of };
  }
  const extractor = new JwtExtractor(used ?? [...providers.values()]);
  if (reader.message('allow_missing_or_failed') !== undefined) {
    return { kind: 'allow-missing-or-failed', extractor };
  }
  if (reader.message('allow_missing') !== undefined) return { kind: 'allow-missing', extractor };
  return NONE;
}

function ofProvider(
  name: string,
  audiences: readonly string[] | null,
  reader: MessageReader,
  field: string,
  providers: JwtProviders,
  ctx: CompileContext,
): JwtRequirement {
  const provider = providers.get(name);
  if (provider === undefined) {
    const message = `Required provider ['${name}'] is not configured.`;
    ctx.report('error', 'filter.jwt-provider', reader, field, message);
    return NONE;
  }
  return {
    kind: 'provider',
    provider,
    audiences:
      audiences === null || audiences.length === 0
        ? provider.audiences
        : new Set(audiences.map(plainAudience)),
    extractor: new JwtExtractor([provider]),
  };
}

/** What lets everybody through is tried last, and only one of it (the more generous). */
function anyOf(
  readers: readonly MessageReader[],
  providers: JwtProviders,
  ctx: CompileContext,
): JwtRequirement {
  const of: JwtRequirement[] = [];
  const used: JwtProvider[] = [];
  let lenient: MessageReader | null = null;
  for (const reader of readers) {
    if (reader.has('allow_missing') || reader.has('allow_missing_or_failed')) {
      if (lenient === null || lenient.has('allow_missing')) {
        lenient?.acknowledge('allow_missing');
        lenient = reader;
      } else reader.acknowledge('allow_missing', 'allow_missing_or_failed');
      continue;
    }
    const requirement = compileRequirement(reader, providers, ctx);
    if (requirement.kind === 'provider') used.push(requirement.provider);
    of.push(requirement);
  }
  if (lenient !== null) {
    of.push(compileRequirement(lenient, providers, ctx, used.length === 0 ? null : used));
  }
  return { kind: 'any', of };
}
