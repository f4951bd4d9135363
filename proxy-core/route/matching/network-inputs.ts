import type { ConnectionInfo } from '../../base/stream-info.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { MatchInput } from './types.ts';

/** What a matcher may ask about a connection. */
export interface ConnectionFacts {
  readonly localIp: string;
  readonly localPort: number;
  /** The client, behind proxies that told its address. */
  readonly remoteIp: string;
  readonly remotePort: number;
  /** The socket's peer. */
  readonly directIp: string;
  readonly serverName: string;
  /** Empty: not known. */
  readonly transportProtocol: string;
  readonly applicationProtocols: readonly string[];
}

export function connectionFacts(connection: ConnectionInfo, remoteIp: string): ConnectionFacts {
  const { local, directRemote, requestedServerName, tls } = connection;
  return {
    localIp: local.ip,
    localPort: local.port,
    remoteIp,
    remotePort: directRemote.port,
    directIp: directRemote.ip,
    serverName: requestedServerName,
    transportProtocol: tls === null ? 'raw_buffer' : 'tls',
    applicationProtocols: tls === null || tls.alpn === '' ? [] : [tls.alpn],
  };
}

const NETWORK = 'envoy.extensions.matching.common_inputs.network.v3.';

export const FILTER_STATE_INPUT = `${NETWORK}FilterStateInput`;

/** The inputs that every connection has; null for a type that is none of them. */
export function networkInput(config: MessageReader): MatchInput<ConnectionFacts> | null {
  switch (config.type) {
    case `${NETWORK}DestinationIPInput`:
      return { text: 'the destination address', read: ({ localIp }) => localIp };
    case `${NETWORK}DestinationPortInput`:
      return { text: 'the destination port', read: ({ localPort }) => String(localPort) };
    case `${NETWORK}SourceIPInput`:
      return { text: 'the source address', read: ({ remoteIp }) => remoteIp };
    case `${NETWORK}SourcePortInput`:
      return { text: 'the source port', read: ({ remotePort }) => String(remotePort) };
    case `${NETWORK}DirectSourceIPInput`:
      return { text: 'the direct source address', read: ({ directIp }) => directIp };
    case `${NETWORK}SourceTypeInput`:
      return { text: 'the source type', read: (facts) => (isLocal(facts) ? 'local' : undefined) };
    case `${NETWORK}ServerNameInput`:
      return { text: 'the server name', read: ({ serverName }) => serverName || undefined };
    case `${NETWORK}TransportProtocolInput`:
      return {
        text: 'the transport protocol',
        read: ({ transportProtocol }) => transportProtocol || undefined,
      };
    case `${NETWORK}ApplicationProtocolInput`:
      return {
        text: 'the application protocols',
        read: ({ applicationProtocols: names }) =>
          names.length === 0 ? undefined : names.map((name) => `'${name}'`).join(','),
      };
    case FILTER_STATE_INPUT:
      // No listener filter that is emulated writes any.
      return { text: `filter state \`${config.string('key') ?? ''}\``, read: () => undefined };
    default:
      return null;
  }
}

function isLocal({ localIp, remoteIp }: ConnectionFacts): boolean {
  return localIp === remoteIp || remoteIp.startsWith('127.') || remoteIp === '::1';
}
