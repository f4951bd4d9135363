import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { setHeader } from '../../../base/headers.ts';
import type { RequestHead } from '../../../base/stream-info.ts';
import { lauxlib, lua } from '../../../lua/fengari.ts';
import { type LuaClass, type LuaMethod, pushObject } from '../../../lua/object.ts';
import { checkText, isNil, luaFail, pushText, readPairs, readValue } from '../../../lua/values.ts';
import type { AsyncResponse } from '../../async-client/client.ts';
import { headerTable, LUA_HEADERS } from './headers-object.ts';
import type { StreamHandle } from './stream-handle.ts';
import { LUA_CONNECTION, LUA_METADATA, LUA_STREAM_INFO, type LuaMetadata } from './stream-info-object.ts';

const CANONICAL = 'envoy.filters.http.lua';

type Log = 'debug' | 'info' | 'warning' | 'error';

const log =
  (level: Log): LuaMethod<StreamHandle> =>
  (handle, L) => {
    handle.callbacks.client.path.services.log(level, 'lua', `script log: ${checkText(L, 2)}`);
    return 0;
  };

/** What a script may do with its stream: the methods of Envoy's stream handle. */
export const LUA_HANDLE: LuaClass<StreamHandle> = {
  name: 'handle',
  methods: {
    headers: (handle, L) => {
      pushObject(L, LUA_HEADERS, handle.headers, handle.scope);
      return 1;
    },
    body: (handle, L) => handle.askBody(L, !isNil(L, 2) && lua.lua_toboolean(L, 2)),
    bodyChunks: (handle, L) => {
      lua.lua_pushcfunction(L, (l) => handle.askChunk(l));
      return 1;
    },
    trailers: (handle, L) => handle.askTrailers(L),
    metadata: (handle, L) => {
      pushObject(L, LUA_METADATA, routeMetadata(handle), handle.scope);
      return 1;
    },
    streamInfo: (handle, L) => {
      const { info, route } = handle.callbacks;
      pushObject(L, LUA_STREAM_INFO, { info, route, scope: handle.scope }, handle.scope);
      return 1;
    },
    connection: (handle, L) => {
      const { info, route } = handle.callbacks;
      pushObject(L, LUA_CONNECTION, { info, route, scope: handle.scope }, handle.scope);
      return 1;
    },
    clearRouteCache: (handle) => {
      if (handle.direction.isRequest) handle.callbacks.clearRouteCache();
      return 0;
    },
    httpCall,
    respond,
    logTrace: log('debug'),
    logDebug: log('debug'),
    logInfo: log('info'),
    logWarn: log('warning'),
    logErr: log('error'),
    logCritical: log('error'),
    base64Escape: (_handle, L) => {
      pushText(L, Buffer.from(checkText(L, 2), 'latin1').toString('base64'));
      return 1;
    },
    timestamp: (_handle, L) => {
      lua.lua_pushinteger(L, timestamp(L));
      return 1;
    },
    timestampString: (_handle, L) => {
      pushText(L, String(timestamp(L)));
      return 1;
    },
    importPublicKey: (handle, L) => {
      const der = Buffer.from(checkText(L, 2), 'latin1').subarray(0, lauxlib.luaL_checkinteger(L, 3));
      pushObject(L, LUA_KEY, { key: publicKey(der) }, handle.scope);
      return 1;
    },
    verifySignature,
  },
};

interface LuaKey {
  readonly key: KeyObject | null;
}

const LUA_KEY: LuaClass<LuaKey> = {
  name: 'publicKey',
  methods: {
    get: ({ key }, L) => {
      lua.lua_pushboolean(L, key !== null);
      return 1;
    },
  },
};

function publicKey(der: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** `verifySignature(hash, key, signature, signatureLength, data, dataLength)`: true, or false and why. */
function verifySignature(_handle: StreamHandle, L: FengariState): number {
  const hash = checkText(L, 2).toLowerCase();
  const data = lua.lua_touserdata(L, 3);
  const key = (data?.['self'] as LuaKey | undefined)?.key ?? null;
  const signature = Buffer.from(checkText(L, 4), 'latin1').subarray(0, lauxlib.luaL_checkinteger(L, 5));
  const text = Buffer.from(checkText(L, 6), 'latin1').subarray(0, lauxlib.luaL_checkinteger(L, 7));
  const digests = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
  let problem = '';
  if (!digests.includes(hash)) problem = `${hash} is not supported.`;
  else if (key === null) problem = 'Failed to initialize digest verify.';
  else if (!verify(hash, text, key, signature)) problem = 'Failed to verify digest. Error code: 0';
  lua.lua_pushboolean(L, problem === '');
  pushText(L, problem);
  return 2;
}

/** Milliseconds since 1970, or microseconds when the script asks for them. */
function timestamp(L: FengariState): number {
  const unit = isNil(L, 2) ? 0 : lauxlib.luaL_checkinteger(L, 2);
  const now = Date.now();
  if (unit === 0) return now;
  if (unit !== 1) luaFail(L, 'timestamp format must be MILLISECOND.');
  return now * 1000;
}

/** `metadata.filter_metadata` of the route under the filter's name, or under Envoy's own name for the filter. */
function routeMetadata({ callbacks, name }: StreamHandle): LuaMetadata {
  const metadata = callbacks.route?.metadata;
  const own = metadata?.get(name) ?? metadata?.get(CANONICAL) ?? {};
  return { get: (key) => own[key], entries: () => Object.entries(own), set: null };
}

interface CallOptions {
  readonly timeout: number;
  readonly asynchronous: boolean;
  readonly keepRepeated: boolean;
  readonly sendForwardedFor: boolean;
}

/** `httpCall(cluster, headers, body, timeout | options[, asynchronous])`. */
function httpCall(handle: StreamHandle, L: FengariState): number {
  const cluster = checkText(L, 2);
  lauxlib.luaL_checktype(L, 3, lua.LUA_TTABLE);
  const head = requestHead(L);
  const body = isNil(L, 4) ? null : Buffer.from(checkText(L, 4), 'latin1');
  const options = callOptions(L);
  const { client } = handle.callbacks;
  if (client.cluster(cluster) === undefined) {
    return luaFail(L, 'http call cluster invalid. Must be configured');
  }
  if (body !== null && body.length > 0) setHeader(head.headers, 'content-length', String(body.length));
  const settings = { timeout: options.timeout, sendForwardedFor: options.sendForwardedFor };
  if (options.asynchronous) {
    client.request(cluster, head, body, settings, () => {});
    return 0;
  }
  return handle.awaitCall(L, (done) =>
    client.request(cluster, head, body, settings, (response) => {
      done(headerTable(response.status, response.headers, options.keepRepeated), answerBody(response));
    }),
  );
}

function answerBody({ body, failure }: AsyncResponse): Uint8Array {
  return body.length === 0 && failure !== '' ? Buffer.from('upstream failure') : body;
}

function callOptions(L: FengariState): CallOptions {
  if (lua.lua_type(L, 5) === lua.LUA_TTABLE) {
    const options = readValue(L, 5) as Record<string, unknown>;
    const timeout = Number(options['timeout_ms'] ?? 0);
    return {
      timeout,
      asynchronous: options['asynchronous'] === true,
      keepRepeated: options['return_duplicate_headers'] === true,
      sendForwardedFor: options['send_xff'] !== false,
    };
  }
  const timeout = lauxlib.luaL_checkinteger(L, 5);
  if (timeout < 0) luaFail(L, 'http call timeout must be >= 0');
  return {
    timeout,
    asynchronous: !isNil(L, 6) && lua.lua_toboolean(L, 6),
    keepRepeated: false,
    sendForwardedFor: true,
  };
}

function requestHead(L: FengariState): RequestHead {
  const head: RequestHead = {
    method: '',
    authority: '',
    path: '',
    scheme: 'http',
    protocol: '',
    headers: [],
  };
  for (const [name, value] of readPairs(L, 3)) {
    switch (name.toLowerCase()) {
      case ':method':
        head.method = value;
        break;
      case ':path':
        head.path = value;
        break;
      case ':authority':
        head.authority = value;
        break;
      case ':scheme':
        head.scheme = value;
        break;
      default:
        head.headers.push(name.toLowerCase(), value);
    }
  }
  if (head.method === '' || head.path === '' || head.authority === '') {
    luaFail(L, "http call headers must include ':path', ':method', and ':authority'");
  }
  return head;
}

/** `respond(headers, body)`: the script's own answer in place of the upstream's. */
function respond(handle: StreamHandle, L: FengariState): number {
  if (!handle.direction.isRequest) return luaFail(L, 'respond not currently supported in the response path');
  if (!handle.mayChangeHeaders) luaFail(L, 'respond() cannot be called if headers have been continued');
  lauxlib.luaL_checktype(L, 2, lua.LUA_TTABLE);
  const pairs = readPairs(L, 2);
  const body = isNil(L, 3) ? '' : checkText(L, 3);
  const status = Number(pairs.find(([name]) => name === ':status')?.[1]);
  if (!(status >= 200 && status < 600)) return luaFail(L, ':status must be between 200-599');
  const headers = pairs.flatMap(([name, value]) => (name === ':status' ? [] : [name.toLowerCase(), value]));
  handle.callbacks.sendLocalReply(status, body, null, 'lua_response', headers);
  return handle.answer(L);
}
