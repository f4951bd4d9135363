import { congestionLimit } from '../network/transport.ts';
import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, TerminalFilter } from './types.ts';

class Echo implements TerminalFilter {
  constructor(private readonly connection: NetworkConnection) {}

  onNewConnection(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    const { transport, bufferLimit } = this.connection;
    transport.writeBytes(bytes, start, end);
    if (transport.buffered > congestionLimit(bufferLimit)) transport.pauseReading();
  }

  onEnd(): void {
    this.connection.close('flush');
  }

  onDrain(): void {
    this.connection.transport.resumeReading();
  }

  onClose(): void {}

  drain(): void {}
}

/** `envoy.filters.network.echo`. */
export const ECHO: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.echo.v3.Echo',
  compile: (name, config) => ({
    kind: 'terminal',
    name,
    source: config.range,
    clusters: [],
    create: (connection) => new Echo(connection),
  }),
};
