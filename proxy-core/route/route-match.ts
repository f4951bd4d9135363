import { isGrpcContentType } from '../base/grpc.ts';
import { headerValue } from '../base/headers.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileFraction, effectiveFraction, type Fraction, fractionHits } from './fraction.ts';
import {
  compileHeaderMatcher,
  type HeaderMatcher,
  headerMatcherText,
  headerMismatchText,
  matchesHeader,
} from './header-matcher.ts';
import {
  compileMetadataMatcher,
  type MetadataMatcher,
  matchesMetadata,
  metadataMatcherText,
  metadataMismatchText,
} from './metadata-matcher.ts';
import {
  compileQueryMatcher,
  matchesQuery,
  type QueryMatcher,
  queryMatcherText,
  queryMismatchText,
} from './query-matcher.ts';
import { compileRegex, type Regex } from './regex.ts';
import type { RouteInput } from './types.ts';
import { parseUriTemplate, type UriTemplate } from './uri-template.ts';

export type PathKind =
  | 'prefix'
  | 'path'
  | 'path-separated-prefix'
  | 'regex'
  | 'template'
  | 'connect'
  | 'never';

/** `envoy.config.route.v3.RouteMatch`, compiled: every part must hold. */
export interface RouteMatch {
  readonly pathKind: PathKind;
  /** The path specifier; in lower case when case does not count. */
  readonly path: string;
  readonly caseSensitive: boolean;
  readonly regex: Regex | null;
  readonly template: UriTemplate | null;
  readonly headers: readonly HeaderMatcher[];
  readonly queryParameters: readonly QueryMatcher[];
  readonly dynamicMetadata: readonly MetadataMatcher[];
  readonly grpc: boolean;
  readonly fraction: Fraction | null;
  /** `tls_context`: null = not asked for. */
  readonly tlsPresented: boolean | null;
  readonly tlsValidated: boolean | null;
  /** True when the path alone decides. */
  readonly pathOnly: boolean;
  readonly source: SourceRange;
}

/** The path of a request, cut up once for all routes. */
export interface PathView {
  /** Without query and fragment, and without parameters if the configuration says so. */
  readonly path: string;
  readonly query: string;
  /** In lower case; made when a route asks for it. */
  lower: string | null;
}

export function compileRouteMatch(reader: MessageReader, ctx: CompileContext): RouteMatch {
  const caseSensitive = reader.bool('case_sensitive') ?? true;
  const headers = reader.messages('headers').map((r) => compileHeaderMatcher(r, ctx));
  const queryParameters = reader.messages('query_parameters').map((r) => compileQueryMatcher(r, ctx));
  const dynamicMetadata = reader.messages('dynamic_metadata').map((r) => compileMetadataMatcher(r, ctx));
  const runtimeFraction = reader.message('runtime_fraction');
  const fraction = runtimeFraction === undefined ? null : compileFraction(runtimeFraction, ctx);
  const tls = reader.message('tls_context');
  const grpc = reader.message('grpc') !== undefined;
  const path = compilePath(reader, ctx);
  return {
    ...path,
    path: caseSensitive || path.pathKind === 'regex' ? path.path : path.path.toLowerCase(),
    caseSensitive,
    headers,
    queryParameters,
    dynamicMetadata,
    grpc,
    fraction,
    tlsPresented: tls?.bool('presented') ?? null,
    tlsValidated: tls?.bool('validated') ?? null,
    pathOnly:
      headers.length === 0 &&
      dynamicMetadata.length === 0 &&
      queryParameters.length === 0 &&
      !grpc &&
      fraction === null &&
      tls === undefined,
    source: reader.range,
  };
}

type CompiledPath = Pick<RouteMatch, 'pathKind' | 'path' | 'regex' | 'template'>;

function compilePath(reader: MessageReader, ctx: CompileContext): CompiledPath {
  const none = { regex: null, template: null };
  const prefix = reader.string('prefix');
  if (prefix !== undefined) return { ...none, pathKind: 'prefix', path: prefix };
  const path = reader.string('path');
  if (path !== undefined) return { ...none, pathKind: 'path', path };
  const separated = reader.string('path_separated_prefix');
  if (separated !== undefined) {
    if (!separated.startsWith('/')) {
      ctx.report(
        'error',
        'route.path',
        reader,
        'path_separated_prefix',
        `path_separated_prefix \`${separated}\` must start with /`,
      );
    }
    return { ...none, pathKind: 'path-separated-prefix', path: separated };
  }
  const safeRegex = reader.message('safe_regex');
  if (safeRegex !== undefined) {
    const regex = compileRegex(safeRegex, ctx);
    return { ...none, pathKind: 'regex', path: safeRegex.string('regex') ?? '', regex };
  }
  if (reader.message('connect_matcher') !== undefined) return { ...none, pathKind: 'connect', path: '' };
  const policy = reader.message('path_match_policy')?.message('typed_config');
  if (policy?.type === 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig') {
    const text = policy.string('path_template') ?? '';
    const template = parseUriTemplate(text);
    if ('error' in template) {
      ctx.report(
        'error',
        'route.path-template',
        policy,
        'path_template',
        `path_match_policy.path_template ${text} is invalid: ${template.error}`,
      );
      return { ...none, pathKind: 'never', path: text };
    }
    return { ...none, pathKind: 'template', path: text, template };
  }
  return { ...none, pathKind: 'never', path: '' };
}

export function pathView(fullPath: string, ignoreParameters: boolean): PathView {
  let end = fullPath.length;
  let query = '';
  const fragment = fullPath.indexOf('#');
  if (fragment >= 0) end = fragment;
  const question = fullPath.indexOf('?');
  if (question >= 0 && question < end) {
    query = fullPath.slice(question + 1, end);
    end = question;
  }
  if (ignoreParameters) {
    const semicolon = fullPath.indexOf(';');
    if (semicolon >= 0 && semicolon < end) end = semicolon;
  }
  return { path: end === fullPath.length ? fullPath : fullPath.slice(0, end), query, lower: null };
}

/** Which condition of a match failed first; `index` says which header or query parameter. */
export type Failure =
  | 'path'
  | 'grpc'
  | 'fraction'
  | 'tls-presented'
  | 'tls-validated'
  | HeaderMatcher
  | QueryMatcher
  | MetadataMatcher;

/** Null: all parts hold. */
export function firstFailure(match: RouteMatch, input: RouteInput, view: PathView): Failure | null {
  if (!matchesPath(match, input, view)) return 'path';
  if (match.pathOnly) return null;
  if (match.grpc && !isGrpcContentType(headerValue(input.head.headers, 'content-type'))) return 'grpc';
  if (match.fraction !== null && !fractionHits(match.fraction, input.random, input.runtime))
    return 'fraction';
  for (const header of match.headers) if (!matchesHeader(header, input.head)) return header;
  for (const query of match.queryParameters) if (!matchesQuery(query, view.query)) return query;
  const certificate = input.clientCertificate ?? 'none';
  if (match.tlsPresented !== null && match.tlsPresented !== (certificate !== 'none')) return 'tls-presented';
  if (match.tlsValidated !== null && match.tlsValidated !== (certificate === 'validated'))
    return 'tls-validated';
  for (const metadata of match.dynamicMetadata) {
    if (!matchesMetadata(metadata, input.metadata ?? null)) return metadata;
  }
  return null;
}

function matchesPath(match: RouteMatch, input: RouteInput, view: PathView): boolean {
  const isConnect = input.head.method === 'CONNECT';
  if (match.pathKind === 'connect') return isConnect;
  if (view.path === '') return false;
  let path = view.path;
  if (!match.caseSensitive) {
    view.lower ??= view.path.toLowerCase();
    path = view.lower;
  }
  switch (match.pathKind) {
    case 'prefix':
      return path.startsWith(match.path);
    case 'path':
      return path === match.path;
    case 'path-separated-prefix':
      return (
        path.startsWith(match.path) && (path.length === match.path.length || path[match.path.length] === '/')
      );
    case 'regex':
      return match.regex?.fullMatch(view.path) ?? false;
    case 'template':
      return match.template?.regex.fullMatch(view.path) ?? false;
    case 'never':
      return false;
  }
}

export function pathText(match: RouteMatch): string {
  switch (match.pathKind) {
    case 'prefix':
      return `prefix ${match.path === '' ? '""' : match.path}`;
    case 'path':
      return `exact ${match.path}`;
    case 'path-separated-prefix':
      return `path-separated prefix ${match.path}`;
    case 'regex':
      return `regex ${match.path}`;
    case 'template':
      return `template ${match.path}`;
    case 'connect':
      return 'CONNECT';
    case 'never':
      return match.path === '' ? 'a matcher that is not emulated' : `template ${match.path}`;
  }
}

/** `prefix /inventory and header x-canary exact 1`, for lists. */
export function matchText(match: RouteMatch): string {
  const parts = [pathText(match)];
  if (match.grpc) parts.push('gRPC');
  for (const header of match.headers) parts.push(headerMatcherText(header));
  for (const query of match.queryParameters) parts.push(queryMatcherText(query));
  for (const metadata of match.dynamicMetadata) parts.push(metadataMatcherText(metadata));
  if (match.fraction !== null) parts.push(`${match.fraction.numerator} of ${match.fraction.denominator}`);
  if (match.tlsPresented !== null)
    parts.push(`client certificate ${match.tlsPresented ? '' : 'not '}presented`);
  if (match.tlsValidated !== null)
    parts.push(`client certificate ${match.tlsValidated ? '' : 'not '}validated`);
  return parts.join(' and ').replaceAll('`', '');
}

/** Why a match failed, with the values compared. */
export function failureText(match: RouteMatch, failure: Failure, input: RouteInput, view: PathView): string {
  if (typeof failure !== 'string') {
    if ('namespace' in failure) return metadataMismatchText(failure, input.metadata ?? null);
    return 'missingAsEmpty' in failure
      ? headerMismatchText(failure, input.head)
      : queryMismatchText(failure, view.query);
  }
  switch (failure) {
    case 'path':
      if (match.pathKind === 'connect') return `method is \`${input.head.method}\`, CONNECT wanted`;
      if (match.pathKind === 'never') return 'its path matcher never matches here';
      return `path is \`${view.path}\`, ${pathWanted(match)} wanted`;
    case 'grpc':
      return `content-type is \`${headerValue(input.head.headers, 'content-type') ?? ''}\`, a gRPC request wanted`;
    case 'fraction': {
      const fraction = effectiveFraction(
        match.fraction ?? { numerator: 0, denominator: 100, runtimeKey: '' },
        input.runtime,
      );
      return `the draw was ${input.random % fraction.denominator} of ${fraction.denominator}, below ${fraction.numerator} wanted`;
    }
    case 'tls-presented':
      return `the client ${match.tlsPresented === true ? 'showed no certificate' : 'showed a certificate'}, the opposite wanted`;
    case 'tls-validated':
      return `the client's certificate ${match.tlsValidated === true ? 'was not validated' : 'was validated'}, the opposite wanted`;
  }
}

function pathWanted(match: RouteMatch): string {
  const kind = match.pathKind === 'path' ? 'exact' : match.pathKind.replaceAll('-', ' ');
  return `${kind} \`${match.path}\`${match.caseSensitive ? '' : ' in any case'}`;
}
