import type { HeaderList } from '../../base/headers.ts';
import { joinedHeaderValue } from '../../base/headers.ts';
import type { PeerCertificate, RequestHead, SocketAddress, StreamInfo } from '../../base/stream-info.ts';
import { messageCodec } from '../../config/schema/message-codec.ts';
import type { Metadata } from '../../route/metadata-matcher.ts';
import type { AsyncCall, AsyncClient } from '../async-client/client.ts';
import { type GrpcReply, grpcUnary } from '../async-client/grpc.ts';
import { type CheckedBody, PARTIAL_BODY } from './ext-authz-http.ts';
import { type AuthzResult, failed, NOTHING } from './ext-authz-result.ts';
import { type AuthzSettings, matchesAny } from './ext-authz-settings.ts';
import { type GrpcServiceTarget, grpcTarget, latin1OfUtf8, utf8Text } from './service-target.ts';
import { failureText } from './service-watch.ts';

const SERVICE = 'envoy.service.auth.v3.Authorization';

export interface CheckExtras {
  readonly contextExtensions: ReadonlyMap<string, string>;
  readonly body: CheckedBody | null;
  /** Metadata of the route, for `route_metadata_context_namespaces`. */
  readonly routeMetadata?: Metadata;
}

/** `envoy.service.auth.v3.CheckRequest` (Envoy: CheckRequestUtils::createHttpCheck). */
export function grpcCheck(
  head: RequestHead,
  info: StreamInfo,
  settings: AuthzSettings,
  extras: CheckExtras,
): object {
  const { connection } = info;
  const { tls } = connection;
  const wall = info.startWall;
  return {
    attributes: {
      source: {
        ...peer(info.remote, tls?.peer ?? null, settings.includePeerCertificate),
        service: utf8Text(joinedHeaderValue(head.headers, 'x-envoy-downstream-service-cluster') ?? ''),
      },
      destination: peer(connection.local, tls?.local ?? null, settings.includePeerCertificate),
      request: {
        time: { seconds: BigInt(Math.floor(wall / 1000)), nanos: Math.round((wall % 1000) * 1e6) },
        http: httpAttributes(head, info, settings, extras.body),
      },
      contextExtensions: Object.fromEntries(extras.contextExtensions),
      metadataContext: { filterMetadata: picked(info.dynamicMetadata, settings.metadataNamespaces) },
      routeMetadataContext: {
        filterMetadata: picked(extras.routeMetadata ?? null, settings.routeMetadataNamespaces),
      },
      ...(settings.includeTlsSession && tls !== null
        ? { tlsSession: { sni: connection.requestedServerName } }
        : {}),
    },
  };
}

function picked(metadata: Metadata | null, namespaces: readonly string[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of namespaces) {
    const values = metadata?.get(name);
    if (values !== undefined) found[name] = values;
  }
  return found;
}

function peer(address: SocketAddress, certificate: PeerCertificate | null, withPem: boolean): object {
  const { uriSans = [], dnsSans = [], subject = '', pem = '' } = certificate ?? {};
  const pipe = address.port < 0;
  return {
    address: {
      address: pipe
        ? { case: 'pipe', value: { path: address.ip } }
        : {
            case: 'socketAddress',
            value: { address: address.ip, portSpecifier: { case: 'portValue', value: address.port } },
          },
    },
    principal: uriSans[0] ?? dnsSans[0] ?? subject,
    certificate: withPem ? encodeURIComponent(pem) : '',
  };
}

function httpAttributes(
  head: RequestHead,
  info: StreamInfo,
  settings: AuthzSettings,
  body: CheckedBody | null,
): object {
  const headers: Record<string, string> = {};
  const raw: object[] = [];
  const add = (name: string, value: string): void => {
    if (settings.allowedHeaders !== null && !matchesAny(settings.allowedHeaders, name)) return;
    if (matchesAny(settings.disallowedHeaders, name)) return;
    if (settings.rawHeaders) raw.push({ key: name, rawValue: Buffer.from(value, 'latin1') });
    else headers[name] = utf8Text(value);
  };
  add(':authority', head.authority);
  add(':path', head.path);
  add(':method', head.method);
  add(':scheme', head.scheme);
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] as string;
    if (name === PARTIAL_BODY) continue;
    if (settings.rawHeaders) add(name, head.headers[i + 1] as string);
    else if (headers[name] === undefined) add(name, joinedHeaderValue(head.headers, name) ?? '');
  }
  const partial = String(body?.partial ?? false);
  if (body !== null && settings.rawHeaders) raw.push({ key: PARTIAL_BODY, rawValue: Buffer.from(partial) });
  else if (body !== null) headers[PARTIAL_BODY] = partial;
  const asBytes = settings.body?.packAsBytes ?? false;
  return {
    id: String(info.streamId),
    method: head.method,
    ...(settings.rawHeaders ? { headerMap: { headers: raw } } : { headers }),
    path: utf8Text(head.path),
    host: utf8Text(head.authority),
    scheme: head.scheme,
    size: BigInt(info.bytesReceived),
    protocol: info.downstreamProtocol,
    ...(body === null
      ? {}
      : asBytes
        ? { rawBody: body.bytes }
        : { body: utf8Text(Buffer.from(body.bytes).toString('latin1')) }),
  };
}

export function askGrpc(
  client: AsyncClient,
  target: GrpcServiceTarget,
  info: StreamInfo,
  check: object,
  done: (result: AuthzResult) => void,
): AsyncCall {
  const bytes = messageCodec('envoy.service.auth.v3.CheckRequest').encode(check);
  return grpcUnary(client, grpcTarget(target, SERVICE, 'Check', info), bytes, (reply) =>
    done(readGrpc(reply)),
  );
}

interface HeaderOption {
  readonly header?: { readonly key: string; readonly value: string; readonly rawValue: Uint8Array };
  readonly append?: boolean;
  readonly appendAction: number;
}

interface CheckResponse {
  readonly status?: { readonly code: number; readonly message: string };
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
  readonly httpResponse:
    | { readonly case: 'deniedResponse'; readonly value: DeniedResponse }
    | { readonly case: 'okResponse'; readonly value: OkResponse }
    | { readonly case: undefined };
}

interface DeniedResponse {
  readonly status?: { readonly code: number };
  readonly headers: readonly HeaderOption[];
  readonly body: string;
}

interface OkResponse {
  readonly headers: readonly HeaderOption[];
  readonly headersToRemove: readonly string[];
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
  readonly responseHeadersToAdd: readonly HeaderOption[];
  readonly queryParametersToSet: readonly { readonly key: string; readonly value: string }[];
  readonly queryParametersToRemove: readonly string[];
}

/** Envoy: GrpcClientImpl::onSuccess. */
function readGrpc(reply: GrpcReply): AuthzResult {
  if (reply.bytes === null) {
    const words = reply.message === '' ? '' : `, ${reply.message}`;
    return failed(reply.failure === '' ? `gRPC status ${reply.status}${words}` : failureText(reply.failure));
  }
  let response: CheckResponse;
  try {
    response = messageCodec('envoy.service.auth.v3.CheckResponse').decode(
      reply.bytes,
    ) as unknown as CheckResponse;
  } catch {
    return failed('its answer is no CheckResponse');
  }
  const { httpResponse } = response;
  const metadata = response.dynamicMetadata ?? null;
  if ((response.status?.code ?? 0) !== 0) {
    const denied = httpResponse.case === 'deniedResponse' ? httpResponse.value : null;
    const { set, append } = requestHeaders(denied?.headers ?? []);
    return {
      ...NOTHING,
      kind: 'denied',
      status: denied?.status?.code || 403,
      body: latin1OfUtf8(denied?.body ?? ''),
      set,
      append,
      metadata,
    };
  }
  if (httpResponse.case !== 'okResponse') return { ...NOTHING, metadata };
  const ok = httpResponse.value;
  return {
    ...NOTHING,
    ...requestHeaders(ok.headers),
    remove: ok.headersToRemove.map((name) => name.toLowerCase()),
    response: responseHeaders(ok.responseHeadersToAdd),
    querySet: ok.queryParametersToSet.map(({ key, value }) => [latin1OfUtf8(key), latin1OfUtf8(value)]),
    queryRemove: ok.queryParametersToRemove.map(latin1OfUtf8),
    metadata: metadata ?? ok.dynamicMetadata ?? null,
  };
}

function nameAndValue({ header }: HeaderOption): [string, string] {
  const raw = header?.rawValue ?? new Uint8Array(0);
  const value = raw.length > 0 ? Buffer.from(raw).toString('latin1') : latin1OfUtf8(header?.value ?? '');
  return [latin1OfUtf8(header?.key ?? '').toLowerCase(), value];
}

/** Only `append` counts here, not `append_action`. */
function requestHeaders(options: readonly HeaderOption[]): { set: HeaderList; append: HeaderList } {
  const set: HeaderList = [];
  const append: HeaderList = [];
  for (const option of options) (option.append === true ? append : set).push(...nameAndValue(option));
  return { set, append };
}

function responseHeaders(options: readonly HeaderOption[]): AuthzResult['response'] {
  const lists = {
    add: [] as HeaderList,
    set: [] as HeaderList,
    addIfAbsent: [] as HeaderList,
    overwriteIfExists: [] as HeaderList,
  };
  // In the order of HeaderAppendAction.
  const byAction = [lists.add, lists.addIfAbsent, lists.set, lists.overwriteIfExists];
  for (const option of options) {
    const list =
      option.append === undefined
        ? (byAction[option.appendAction] ?? lists.add)
        : option.append
          ? lists.add
          : lists.set;
    list.push(...nameAndValue(option));
  }
  return lists;
}
