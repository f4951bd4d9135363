import type { Clock } from '../../base/clock.ts';
import { createStreamInfo } from '../../base/create-stream-info.ts';
import type { HeaderList } from '../../base/headers.ts';
import type { HttpProtocol, SocketAddress } from '../../base/stream-info.ts';
import { type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';

const LOOPBACK: SocketAddress = { ip: '127.0.0.1', port: 0 };

/** What every check calls itself. */
export const USER_AGENT = 'Envoy/HC';

/** Adds and removes what the configuration asks for. There is no downstream, so its operators give what Envoy gives: loopback. */
export function mutateCheckHeaders(
  mutations: HeaderMutations,
  headers: HeaderList,
  protocol: HttpProtocol,
  host: { readonly address: string; readonly hostname: string },
  clock: Clock,
): void {
  if (mutations.length === 0) return;
  const connection = {
    id: 0,
    listenerName: '',
    local: LOOPBACK,
    directRemote: LOOPBACK,
    filterChainName: '',
    requestedServerName: '',
    tls: null,
    terminationDetails: '',
  };
  const info = createStreamInfo(0, connection, 0, protocol, clock.wall(), clock.now());
  info.upstreamHost = host.address;
  info.upstreamHostName = host.hostname;
  mutateHeaders(mutations, headers, info);
}
