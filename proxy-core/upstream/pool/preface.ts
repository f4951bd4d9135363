import type { ConnectionInfo } from '../../base/stream-info.ts';
import { proxyHeader1, proxyHeader2 } from '../../network/proxy-protocol.ts';
import type { ClusterConfig } from '../types.ts';

/** The PROXY header that a connection to a cluster begins with, for one downstream connection; null: none. */
export function connectionPreface(
  { proxyProtocol }: ClusterConfig,
  connection: ConnectionInfo,
): Uint8Array | null {
  if (proxyProtocol === null) return null;
  const source = connection.remote ?? connection.directRemote;
  const destination = connection.local;
  if (proxyProtocol.version === 1) return proxyHeader1(source, destination);
  const tlvs = (connection.proxyTlvs ?? []).filter(({ type }) => proxyProtocol.passesTlv(type));
  return proxyHeader2(source, destination, tlvs);
}
