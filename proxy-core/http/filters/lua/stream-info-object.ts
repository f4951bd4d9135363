import type { SocketAddress, StreamInfo, TlsInfo } from '../../../base/stream-info.ts';
import { lua } from '../../../lua/fengari.ts';
import { type LuaClass, pushIterator, pushObject, type Scope } from '../../../lua/object.ts';
import { checkText, pushText, pushValue, readValue } from '../../../lua/values.ts';
import { virtualClusterOf } from '../../../route/index.ts';
import type { Route } from '../../../route/types.ts';
import { setDynamicMetadata } from '../dynamic-metadata.ts';

/** What a script may know of its stream. */
export interface LuaStream {
  readonly info: StreamInfo;
  readonly route: Route | null;
  readonly scope: Scope;
}

/** A namespace of metadata that can be walked; `set` where scripts may write. */
export interface LuaMetadata {
  get(key: string): unknown;
  entries(): readonly (readonly [string, unknown])[];
  readonly set: ((namespace: string, key: string, value: unknown) => void) | null;
}

export const LUA_METADATA: LuaClass<LuaMetadata> = {
  name: 'metadata',
  methods: {
    get: (metadata, L) => {
      const value = metadata.get(checkText(L, 2));
      if (value === undefined) return 0;
      pushValue(L, value);
      return 1;
    },
    set: (metadata, L) => {
      metadata.set?.(checkText(L, 2), checkText(L, 3), readValue(L, 4));
      return 0;
    },
  },
  pairs: (metadata, L) =>
    pushIterator(L, metadata.entries(), (l, [key, value]) => {
      pushText(l, key);
      pushValue(l, value);
    }),
};

const address = ({ ip, port }: SocketAddress): string =>
  port < 0 ? ip : ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;

const text =
  (read: (stream: LuaStream) => string) =>
  (stream: LuaStream, L: FengariState): number => {
    pushText(L, read(stream));
    return 1;
  };

export const LUA_STREAM_INFO: LuaClass<LuaStream> = {
  name: 'streamInfo',
  methods: {
    protocol: text(({ info }) => info.downstreamProtocol),
    routeName: text(({ info }) => info.routeName),
    virtualClusterName: text(({ info, route }) =>
      route === null || info.requestHead === null
        ? ''
        : (virtualClusterOf(route.virtualHost, info.requestHead) ?? ''),
    ),
    downstreamLocalAddress: text(({ info }) => address(info.connection.local)),
    downstreamDirectLocalAddress: text(({ info }) => address(info.connection.local)),
    downstreamDirectRemoteAddress: text(({ info }) => address(info.connection.directRemote)),
    downstreamRemoteAddress: text(({ info }) => address(info.remote)),
    requestedServerName: text(({ info }) => info.connection.requestedServerName),
    downstreamSslConnection: (stream, L) => pushTls(L, stream.info.connection.tls, stream.scope),
    dynamicMetadata: ({ info, scope }, L) => {
      pushObject(L, LUA_METADATA, dynamicMetadata(info), scope);
      return 1;
    },
  },
};

function dynamicMetadata(info: StreamInfo): LuaMetadata {
  return {
    get: (namespace) => info.dynamicMetadata?.get(namespace),
    entries: () => [...(info.dynamicMetadata ?? [])],
    set: (namespace, key, value) => setDynamicMetadata(info, namespace, { [key]: value }),
  };
}

/** `connection()`: only what it says of TLS. */
export const LUA_CONNECTION: LuaClass<LuaStream> = {
  name: 'connection',
  methods: { ssl: (stream, L) => pushTls(L, stream.info.connection.tls, stream.scope) },
};

function pushTls(L: FengariState, tls: TlsInfo | null, scope: Scope): number {
  if (tls === null) return 0;
  pushObject(L, LUA_TLS, tls, scope);
  return 1;
}

const ofPeer = (read: (peer: NonNullable<TlsInfo['peer']>) => unknown) => (tls: TlsInfo, L: FengariState) => {
  pushValue(L, tls.peer === null ? '' : read(tls.peer));
  return 1;
};

const ofLocal =
  (read: (local: NonNullable<TlsInfo['local']>) => unknown) => (tls: TlsInfo, L: FengariState) => {
    pushValue(L, tls.local === null ? '' : read(tls.local));
    return 1;
  };

const LUA_TLS: LuaClass<TlsInfo> = {
  name: 'ssl',
  methods: {
    peerCertificatePresented: ({ peer }, L) => {
      lua.lua_pushboolean(L, peer !== null);
      return 1;
    },
    peerCertificateValidated: ({ peer }, L) => {
      lua.lua_pushboolean(L, peer !== null);
      return 1;
    },
    subjectPeerCertificate: ofPeer(({ subject }) => subject),
    issuerPeerCertificate: ofPeer(({ issuer }) => issuer),
    serialNumberPeerCertificate: ofPeer(({ serial }) => serial),
    sha256PeerCertificateDigest: ofPeer(({ fingerprint256 }) => fingerprint256),
    uriSanPeerCertificate: ofPeer(({ uriSans }) => uriSans),
    dnsSansPeerCertificate: ofPeer(({ dnsSans }) => dnsSans),
    validFromPeerCertificate: ofPeer(({ validFrom }) => Math.floor(validFrom / 1000)),
    expirationPeerCertificate: ofPeer(({ validTo }) => Math.floor(validTo / 1000)),
    urlEncodedPemEncodedPeerCertificate: ofPeer(({ pem }) => encodeURIComponent(pem)),
    subjectLocalCertificate: ofLocal(({ subject }) => subject),
    uriSanLocalCertificate: ofLocal(({ uriSans }) => uriSans),
    dnsSansLocalCertificate: ofLocal(({ dnsSans }) => dnsSans),
    sessionId: ({ sessionId }, L) => {
      pushText(L, sessionId);
      return 1;
    },
    ciphersuiteString: ({ cipher }, L) => {
      pushText(L, cipher);
      return 1;
    },
    tlsVersion: ({ version }, L) => {
      pushText(L, version);
      return 1;
    },
  },
};
