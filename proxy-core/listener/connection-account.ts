import { createStreamInfo } from '../base/create-stream-info.ts';
import type { ConnectionInfo, SocketAddress, StreamInfo } from '../base/stream-info.ts';
import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import type { Findings } from './filters/inspection.ts';

/** The ends of an accepted socket. */
export interface SocketEnds {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** What is known of a connection once its listener filters are done. */
export function connectionInfo(
  path: DataPath,
  listenerName: string,
  filterChainName: string,
  { local, remote }: SocketEnds,
  findings: Readonly<Findings>,
): ConnectionInfo {
  return {
    id: path.nextConnectionId++,
    listenerName,
    local: findings.local ?? local,
    directRemote: remote,
    remote: findings.remote,
    directLocal: findings.local === null ? null : local,
    proxyTlvs: findings.tlvs,
    transportFailureReason: '',
    filterChainName,
    requestedServerName: findings.serverName,
    ...(findings.ja3 === '' ? {} : { ja3: findings.ja3, ja4: findings.ja4 }),
    tls: null,
    terminationDetails: '',
  };
}

/** The account of a whole connection, for access logs, network filters and the recorder. */
export function connectionAccount(
  path: DataPath,
  { version }: SnapshotRuntime,
  info: ConnectionInfo,
  findings: Readonly<Findings>,
  startedAt: number,
): StreamInfo {
  const { clock } = path.services;
  const startWall = clock.wall() - (clock.now() - startedAt);
  const account = createStreamInfo(path.nextStreamId++, info, version, 'TCP', startWall, startedAt);
  account.dynamicMetadata = findings.metadata;
  return account;
}
