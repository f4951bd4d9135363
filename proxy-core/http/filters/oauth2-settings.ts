import type { Counter } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import { loadMessage } from '../../config/load.ts';
import { MessageReader } from '../../config/reader.ts';
import { readDataSource } from '../../route/data-source.ts';
import { compileFormat, type Formatter } from '../../route/formatter/format.ts';
import { HEADER_FORMAT } from '../../route/formatter/operator.ts';
import { compileHeaderMatcher, type HeaderMatcher } from '../../route/header-matcher.ts';
import { compileStringMatcher, type StringMatcher, stringMatcher } from '../../route/string-matcher.ts';
import type { FilterEnvironment } from './extension.ts';
import { compileHttpUri, type HttpTarget } from './service-target.ts';
import { ServiceWatch } from './service-watch.ts';

/** `envoy.extensions.filters.http.oauth2.v3.OAuth2Config`, compiled. Times in seconds. */
export interface OAuth2Settings {
  readonly name: string;
  readonly source: SourceRange;
  readonly tokenEndpoint: HttpTarget;
  readonly authorizationEndpoint: string;
  readonly clientId: string;
  /** Null: the secret is not there, and nobody can log in. */
  readonly clientSecret: string | null;
  readonly hmacSecret: string | null;
  readonly cookies: CookieNames;
  readonly redirectUri: Formatter;
  readonly redirectPath: StringMatcher;
  readonly signoutPath: StringMatcher;
  readonly forwardBearerToken: boolean;
  readonly preserveAuthorization: boolean;
  readonly passThrough: readonly HeaderMatcher[];
  readonly denyRedirect: readonly HeaderMatcher[];
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly basicAuth: boolean;
  readonly defaultExpiresIn: number;
  readonly withoutIdToken: boolean;
  readonly stats: OAuth2Stats;
  readonly watch: ServiceWatch;
}

export interface CookieNames {
  readonly bearer: string;
  readonly hmac: string;
  readonly expires: string;
  readonly id: string;
  readonly refresh: string;
  readonly nonce: string;
}

export interface OAuth2Stats {
  readonly success: Counter;
  readonly failure: Counter;
  readonly passthrough: Counter;
  readonly unauthorized: Counter;
}

export function compileOAuth2(
  name: string,
  filter: MessageReader,
  ctx: CompileContext,
  { stats, statPrefix }: FilterEnvironment,
): OAuth2Settings {
  const reader = filter.message('config') ?? emptyMessage(filter);
  const uri = reader.message('token_endpoint');
  const tokenEndpoint =
    uri === undefined ? { uri: '', authority: '', path: '/', cluster: '', timeout: 0 } : compileHttpUri(uri);
  if (uri !== undefined && !ctx.clusterNames.has(tokenEndpoint.cluster)) {
    const message = `OAuth2 filter: unknown cluster '${tokenEndpoint.cluster}' in config. Please specify which cluster to direct OAuth requests to.`;
    ctx.report('error', 'filter.unknown-cluster', uri, 'cluster', message);
  }
  const credentials = reader.message('credentials') ?? emptyMessage(reader);
  const names = credentials.message('cookie_names');
  const counter = (stat: string): Counter => stats.counter(`${statPrefix}${stat}`);
  for (const unused of ['oauth_refreshtoken_success', 'oauth_refreshtoken_failure']) counter(unused);
  const scopes = reader.strings('auth_scopes');
  return {
    name,
    source: filter.range,
    tokenEndpoint,
    authorizationEndpoint: reader.string('authorization_endpoint') ?? '',
    clientId: credentials.string('client_id') ?? '',
    clientSecret: secretOf(credentials.message('token_secret'), ctx, 'token'),
    hmacSecret: secretOf(credentials.message('hmac_secret'), ctx, 'hmac'),
    cookies: {
      bearer: names?.string('bearer_token') || 'BearerToken',
      hmac: names?.string('oauth_hmac') || 'OauthHMAC',
      expires: names?.string('oauth_expires') || 'OauthExpires',
      id: names?.string('id_token') || 'IdToken',
      refresh: names?.string('refresh_token') || 'RefreshToken',
      nonce: 'OauthNonce',
    },
    redirectUri: compileFormat(reader.string('redirect_uri') ?? '', HEADER_FORMAT, (message) => {
      ctx.report('error', 'route.format', reader, 'redirect_uri', message);
    }),
    redirectPath: pathMatcher(reader, 'redirect_path_matcher', ctx),
    signoutPath: pathMatcher(reader, 'signout_path', ctx),
    forwardBearerToken: reader.bool('forward_bearer_token') ?? false,
    preserveAuthorization: reader.bool('preserve_authorization_header') ?? false,
    passThrough: reader.messages('pass_through_matcher').map((each) => compileHeaderMatcher(each, ctx)),
    denyRedirect: reader.messages('deny_redirect_matcher').map((each) => compileHeaderMatcher(each, ctx)),
    scopes: scopes.length === 0 ? ['user'] : scopes,
    resources: reader.strings('resources'),
    basicAuth: reader.enumeration('auth_type') === 'BASIC_AUTH',
    defaultExpiresIn: Math.floor((reader.duration('default_expires_in') ?? 0) / 1000),
    withoutIdToken: reader.bool('disable_id_token_set_cookie') ?? false,
    stats: {
      success: counter('oauth_success'),
      failure: counter('oauth_failure'),
      passthrough: counter('oauth_passthrough'),
      unauthorized: counter('oauth_unauthorized_rq'),
    },
    watch: new ServiceWatch(
      name,
      tokenEndpoint.cluster,
      'Nobody can log in: those who return are answered with 401.',
    ),
  };
}

function emptyMessage({ range, path, type }: MessageReader): MessageReader {
  return new MessageReader({ kind: 'message', type, range, path, fields: new Map(), fromAny: false });
}

function pathMatcher(reader: MessageReader, field: string, ctx: CompileContext): StringMatcher {
  const path = reader.message(field)?.message('path');
  return path === undefined ? stringMatcher('never', '') : compileStringMatcher(path, ctx);
}

const DISCOVERY_RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

/** A generic secret, from `static_resources.secrets` or from a file. Null: reported. */
function secretOf(reader: MessageReader | undefined, ctx: CompileContext, what: string): string | null {
  const name = reader?.string('name') ?? '';
  if (reader === undefined) return null;
  const config = reader.message('sds_config');
  if (config === undefined) {
    const found = ctx.secrets?.static('generic_secret', name)?.message('secret');
    if (found !== undefined) return readDataSource(found, ctx);
    ctx.report('error', 'filter.oauth2-secret', reader, 'name', `invalid ${what} secret configuration`);
    return null;
  }
  config.acknowledge('resource_api_version', 'initial_fetch_timeout');
  const source = config.message('path_config_source');
  source?.message('watched_directory')?.acknowledge('path');
  const path = source?.string('path') ?? config.string('path') ?? '';
  if (!ctx.files.exists(path)) {
    const message = `The secret ${name} is not in a file that can be read here: nobody can log in.`;
    ctx.report('warning', 'filter.oauth2-secret', reader, 'sds_config', message);
    return null;
  }
  const text = new TextDecoder().decode(ctx.files.read(path));
  const { root } = loadMessage(text, path, DISCOVERY_RESPONSE);
  const [secret] = root === null ? [] : new MessageReader(root).messages('resources');
  const data = secret?.message('generic_secret')?.message('secret');
  if (data !== undefined) return readDataSource(data, ctx);
  const message = `${path} holds no generic_secret: nobody can log in.`;
  ctx.report('warning', 'filter.oauth2-secret', reader, 'sds_config', message);
  return null;
}
