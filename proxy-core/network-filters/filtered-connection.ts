import type { TransportOwner } from '../network/transport.ts';
import type { NetworkFilter } from './types.ts';

const NO_BYTES = Buffer.alloc(0);

/** What stands behind the filters: the HTTP connection manager or another terminal filter. */
export interface FilteredOwner extends TransportOwner {
  onNewConnection?(): void;
}

/** Runs the filters of one connection before its terminal filter. Chains without such filters do without it. */
export class FilteredConnection implements TransportOwner {
  private stopped = false;

  constructor(
    private readonly filters: readonly NetworkFilter[],
    private readonly terminal: FilteredOwner,
  ) {}

  onNewConnection(): void {
    for (const filter of this.filters) {
      if (filter.onNewConnection?.() === 'stop') {
        this.stopped = true;
        return;
      }
    }
    this.terminal.onNewConnection?.();
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.stopped || !this.pass(bytes, start, end, false)) return;
    this.terminal.onBytes(bytes, start, end);
  }

  onEnd(): void {
    if (this.stopped || !this.pass(NO_BYTES, 0, 0, true)) return;
    this.terminal.onEnd();
  }

  private pass(bytes: Buffer, start: number, end: number, ended: boolean): boolean {
    for (const filter of this.filters) {
      if (filter.onData?.(bytes, start, end, ended) === 'stop') {
        this.stopped = true;
        return false;
      }
    }
    return true;
  }

  onDrain(): void {
    this.terminal.onDrain();
  }

  onClose(error: string): void {
    for (const filter of this.filters) filter.onClose?.();
    this.terminal.onClose(error);
  }
}
