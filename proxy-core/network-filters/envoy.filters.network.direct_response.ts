import { readDataSourceBytes } from '../route/data-source.ts';
import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, TerminalFilter } from './types.ts';

class DirectResponse implements TerminalFilter {
  constructor(
    private readonly connection: NetworkConnection,
    private readonly response: Uint8Array,
  ) {}

  onNewConnection(): void {
    const { transport, account } = this.connection;
    transport.writeBytes(this.response, 0, this.response.length);
    account.responseCodeDetails = 'direct_response';
    this.connection.close('flush');
  }

  onBytes(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onClose(): void {}
  drain(): void {}
}

/** `envoy.filters.network.direct_response`: writes and closes. */
export const DIRECT_RESPONSE: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.direct_response.v3.Config',
  compile(name, config, ctx) {
    const source = config.message('response');
    const response = source === undefined ? null : readDataSourceBytes(source, ctx);
    return {
      kind: 'terminal',
      name,
      source: config.range,
      clusters: [],
      create: (connection) => new DirectResponse(connection, response ?? new Uint8Array(0)),
    };
  },
};
