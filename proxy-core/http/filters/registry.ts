import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import { MessageReader } from '../../config/reader.ts';
import type { ChainedFilter } from '../filter.ts';
import { compileRouter, type RouterConfig } from '../router/router-config.ts';
import type { FilterEnvironment, HttpFilterExtension } from './extension.ts';
import { EXTENSIONS } from './extensions.ts';
import { KNOWN_FILTERS, ROUTER_TYPE } from './known-filters.ts';

/** Emulated filters by type; the router is not among them: it ends the chain. */
const BY_TYPE: ReadonlyMap<string, HttpFilterExtension> = new Map(
  EXTENSIONS.map((extension) => [extension.type, extension]),
);

export interface CompiledFilterChain {
  readonly filters: readonly ChainedFilter[];
  readonly names: readonly string[];
  readonly hasRouter: boolean;
  readonly router: RouterConfig;
}

/**
 * Compiles `http_filters` (`envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter`): the router must
 * be last and only once, nothing else may be last. A filter that is known and not emulated stays unread and passes
 * everything on.
 */
export function compileHttpFilters(
  readers: readonly MessageReader[],
  ctx: CompileContext,
  environment: FilterEnvironment,
): CompiledFilterChain {
  const filters: ChainedFilter[] = [];
  const names: string[] = [];
  let hasRouter = false;
  let router = compileRouter(undefined);
  readers.forEach((reader, index) => {
    const name = reader.string('name') ?? '';
    const last = index === readers.length - 1;
    const disabled = reader.bool('disabled') ?? false;
    reader.acknowledge('is_optional');
    const config = reader.has('config_discovery') ? undefined : typedConfig(reader);
    const type = config?.type ?? wellKnownType(reader, name, ctx);
    if (type === null) return;
    names.push(name);
    if (type === ROUTER_TYPE) {
      if (!last) {
        report(
          ctx,
          reader,
          'http.router-not-last',
          `Error: terminal filter named ${name} of type envoy.filters.http.router must be the last filter in a http filter chain.`,
        );
      } else if (disabled) {
        report(
          ctx,
          reader,
          'http.router-disabled',
          `Error: the last (terminal) filter (${name}) in the chain cannot be disabled by default.`,
        );
      }
      hasRouter = true;
      router = compileRouter(config);
      return;
    }
    if (last && !reader.has('config_discovery')) {
      report(
        ctx,
        reader,
        'http.no-terminal-filter',
        `Error: non-terminal filter named ${name} of type ${KNOWN_FILTERS.get(type) ?? name} is the last filter in a http filter chain.`,
      );
    }
    const extension = BY_TYPE.get(type);
    if (extension === undefined) {
      if (!disabled) warnNotEmulated(type, reader, ctx);
      return;
    }
    const factory = extension.compile(name, config ?? emptyConfig(reader, type), ctx, environment);
    filters.push({ factory, disabled });
  });
  return { filters, names, hasRouter, router };
}

function report(ctx: CompileContext, reader: MessageReader, code: string, message: string): void {
  ctx.report('error', code, reader, 'name', message);
}

/** Filters that decide who gets in: without them other requests pass than with them. */
const DECIDING: ReadonlyMap<string, string> = new Map([
  ['api_key_auth', 'requests without an API key would get in'],
  ['composite', 'the filters that it chooses would not run, whatever they refuse'],
]);

/** Filters that may change anything: passing them over in silence would mislead. */
const CHANGING: ReadonlyMap<string, string> = new Map([
  ['rate_limit_quota', 'requests are not limited'],
  ['wasm', 'the module does not run, and whatever it refuses passes'],
]);

/** Filters whose matcher decides who is asked for what. */
const ACCESS: ReadonlySet<string> = new Set([
  ...DECIDING.keys(),
  'basic_auth',
  'csrf',
  'ext_authz',
  'ext_proc',
  'jwt_authn',
  'oauth2',
  'rbac',
]);

const WITH_MATCHER = 'envoy.extensions.common.matching.v3.ExtensionWithMatcher';

/** The type of `extension_config.typed_config` below `ExtensionWithMatcher`; '' when it cannot be told. */
function wrappedType(reader: MessageReader): string {
  const wrapper = reader.node.fields.get('typed_config')?.value;
  const extension = wrapper?.kind === 'message' ? wrapper.fields.get('extension_config')?.value : undefined;
  const config = extension?.kind === 'message' ? extension.fields.get('typed_config')?.value : undefined;
  return config?.kind === 'message' ? config.type : '';
}

function warnNotEmulated(type: string, reader: MessageReader, ctx: CompileContext): void {
  const wrapped = type === WITH_MATCHER ? wrappedType(reader) : type;
  const name = KNOWN_FILTERS.get(wrapped) ?? '';
  if (type === WITH_MATCHER) {
    const gate = ACCESS.has(name.slice('envoy.filters.http.'.length));
    ctx.report(
      gate ? 'error' : 'warning',
      gate ? 'filter.decides-access' : 'filter.not-emulated',
      reader,
      'name',
      `Filters with a matcher are not emulated: ${name || 'the filter'} does not run${gate ? ', and it decides who gets in. Configure it without ExtensionWithMatcher, or set `disabled: true`' : ''}.`,
    );
    return;
  }
  const short = name.slice('envoy.filters.http.'.length);
  const risk = DECIDING.get(short);
  if (risk !== undefined) {
    const what = `${name} is not emulated, and it decides who gets in: ${risk}.`;
    const how = 'Set `disabled: true` on the filter to run without it.';
    ctx.report('error', 'filter.decides-access', reader, 'name', `${what} ${how}`);
    return;
  }
  const effect = CHANGING.get(short);
  if (effect === undefined) return;
  const what = `${name} is not emulated: traffic passes as if the filter were absent, so ${effect}.`;
  ctx.report('warning', 'filter.not-emulated', reader, 'name', what);
}

/** A filter written with its name alone has every field at its default. */
function emptyConfig(reader: MessageReader, type: string): MessageReader {
  const { range, path } = reader;
  return new MessageReader({ kind: 'message', type, range, path, fields: new Map(), fromAny: true });
}

/** `typed_config`, marked read only when somebody will read it: otherwise the notice names the filter. */
function typedConfig(reader: MessageReader): MessageReader | undefined {
  if (!reader.has('typed_config')) return undefined;
  const node = reader.node.fields.get('typed_config')?.value;
  if (node?.kind === 'message' && node.type !== ROUTER_TYPE && !BY_TYPE.has(node.type)) {
    return { type: node.type } as MessageReader;
  }
  return reader.message('typed_config');
}

const TYPES_BY_NAME: ReadonlyMap<string, string> = new Map(
  [...KNOWN_FILTERS].map(([type, name]) => [name, type]),
);

/** A filter written with its name alone: Envoy refuses it since 2022, many guides still show it. */
function wellKnownType(reader: MessageReader, name: string, ctx: CompileContext): string | null {
  if (reader.has('config_discovery')) return '';
  const type = TYPES_BY_NAME.get(name);
  if (type === undefined) {
    ctx.report(
      'error',
      'http.unknown-filter',
      reader,
      'name',
      `Didn't find a registered implementation for '${name}' with type URL: ''`,
      { expected: 'a typed_config with the @type of an HTTP filter' },
    );
    return null;
  }
  ctx.report(
    'notice',
    'http.filter-without-type',
    reader,
    'name',
    `The filter ${name} has no typed_config. It is taken as ${type}; Envoy itself refuses it.`,
    { fix: { title: `Add typed_config to ${name}`, ...insertTypedConfig(reader, type) } },
  );
  return type;
}

/** The edit behind the name's value, in the style (block or flow) in which the filter is written. */
export function insertTypedConfig(reader: MessageReader, type: string): { range: SourceRange; text: string } {
  const value = reader.rangeOf('name');
  const key = reader.keyRangeOf('name');
  const flow = reader.range.line === key.line && reader.range.column < key.column;
  const range = { ...value, line: value.endLine, column: value.endColumn };
  const url = `"@type": type.googleapis.com/${type}`;
  const indent = ' '.repeat(Math.max(0, key.column - 1));
  return {
    range,
    text: flow ? `, typed_config: { ${url} }` : `\n${indent}typed_config:\n${indent}  ${url}`,
  };
}
