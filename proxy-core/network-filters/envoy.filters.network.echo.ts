import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, TerminalFilter } from './types.ts';

class Echo implements TerminalFilter {
  constructor(private readonly connection: NetworkConnection) {}

  onNewConnection(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    const { transport, bufferLimit } = this.connection;
    transport.writeBytes(bytes, start, end);
    if (transport.buffered > Math.max(bufferLimit, MIN_WATERMARK)) transport.pauseReading();
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

/** A socket says that it has drained only when it held at least this much. */
const MIN_WATERMARK = 16 * 1024;

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
