import { type HeaderList, headerValue, joinedHeaderValue, removeHeader } from '../../base/headers.ts';
import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import { mutateHeaders } from '../../route/header-mutation.ts';
import type { AsyncCall, AsyncClient, AsyncResponse } from '../async-client/client.ts';
import { type AuthzResult, failed, NOTHING } from './ext-authz-result.ts';
import {
  type AuthorizationHttpService,
  type AuthzSettings,
  matchesAny,
  type NameMatchers,
} from './ext-authz-settings.ts';
import { failureText } from './service-watch.ts';

/** Names the headers that the service wants to be gone from the request; never passed on. */
const HEADERS_TO_REMOVE = 'x-envoy-auth-headers-to-remove';
export const PARTIAL_BODY = 'x-envoy-auth-partial-body';

/** The body as the check sees it. */
export interface CheckedBody {
  readonly bytes: Uint8Array;
  readonly partial: boolean;
}

/** The request that an HTTP service is asked with (Envoy: RawHttpClientImpl::check). */
export function httpCheck(
  head: RequestHead,
  info: StreamInfo,
  settings: AuthzSettings,
  service: AuthorizationHttpService,
  body: CheckedBody | null,
): RequestHead {
  const headers: HeaderList = ['content-length', String(body?.bytes.length ?? 0)];
  if (body !== null) headers.push(PARTIAL_BODY, String(body.partial));
  const seen = new Set(['content-length', PARTIAL_BODY]);
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] as string;
    if (seen.has(name)) continue;
    seen.add(name);
    if (name !== 'authorization' && !matchesAny(settings.allowedHeaders ?? [], name)) continue;
    if (matchesAny(settings.disallowedHeaders, name)) continue;
    headers.push(name, joinedHeaderValue(head.headers, name) ?? '');
  }
  mutateHeaders(service.headersToAdd, headers, info);
  return {
    method: head.method,
    authority: head.authority,
    path: service.pathPrefix + head.path,
    scheme: head.scheme,
    protocol: '',
    headers,
  };
}

export function askHttp(
  client: AsyncClient,
  service: AuthorizationHttpService,
  check: RequestHead,
  body: Uint8Array | null,
  done: (result: AuthzResult) => void,
): AsyncCall {
  const { cluster, timeout } = service.target;
  return client.request(cluster, check, body, { timeout }, (response) => done(readHttp(response, service)));
}

/** Envoy: RawHttpClientImpl::toResponse. */
function readHttp(response: AsyncResponse, service: AuthorizationHttpService): AuthzResult {
  const { status, headers } = response;
  if (response.failure !== '') return failed(failureText(response.failure));
  if (status >= 500) return failed(`it answered ${status}`);
  const remove = (status === 200 ? (joinedHeaderValue(headers, HEADERS_TO_REMOVE) ?? '') : '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  removeHeader(headers, HEADERS_TO_REMOVE);
  if (status !== 200) {
    return {
      ...NOTHING,
      kind: 'denied',
      status,
      body: response.body.toString('latin1'),
      set: picked(headers, (name) => passesToClient(service, name)),
      metadata: metadataOf(headers, service.metadataFromHeaders),
    };
  }
  return {
    ...NOTHING,
    set: picked(headers, (name) => matchesAny(service.allowedUpstream, name)),
    add: picked(headers, (name) => matchesAny(service.allowedUpstreamToAppend, name)),
    remove,
    response: {
      ...NOTHING.response,
      add: picked(headers, (name) => matchesAny(service.allowedClientOnSuccess, name)),
    },
    metadata: metadataOf(headers, service.metadataFromHeaders),
  };
}

/** Always passed on with a denial, whatever is listed. */
const ALWAYS = new Set(['content-length', 'www-authenticate', 'location']);

function passesToClient({ allowedClient }: AuthorizationHttpService, name: string): boolean {
  return allowedClient === null ? name !== 'host' : ALWAYS.has(name) || matchesAny(allowedClient, name);
}

function picked(headers: HeaderList, wanted: (name: string) => boolean): HeaderList {
  const list: HeaderList = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (wanted(name)) list.push(name, headers[i + 1] as string);
  }
  return list;
}

function metadataOf(headers: HeaderList, matchers: NameMatchers): Record<string, unknown> | null {
  if (matchers.length === 0) return null;
  const values: Record<string, unknown> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (matchesAny(matchers, name)) values[name] = headerValue(headers, name) ?? '';
  }
  return Object.keys(values).length === 0 ? null : values;
}
