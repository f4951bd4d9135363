import { VirtualClock } from '../../../../proxy-core/base/virtual-clock.ts';
import { loadConfig } from '../../../../proxy-core/config/load.ts';
import { type Compilation, compileBootstrap } from '../../../../proxy-core/core/compile.ts';
import { type CoreOptions, createProxyCore, type ProxyCore } from '../../../../proxy-core/index.ts';
import { StatsStore } from '../../../../proxy-core/observe/index.ts';
import { agent, type Origin, startOrigin } from '../../../integration/support.ts';

/** A core on a clock that stands still, with origins; `close` ends everything. */
export class CoreRig {
  readonly clock = new VirtualClock();
  readonly core: ProxyCore;
  private readonly origins: Origin[] = [];

  constructor(options: CoreOptions = {}) {
    this.core = createProxyCore({ clock: this.clock, ...options });
  }

  async origin(handler?: Origin['handler']): Promise<Origin> {
    const origin = await startOrigin(handler);
    this.origins.push(origin);
    return origin;
  }

  async close(): Promise<void> {
    await this.core.close({ drain: 0 });
    agent.destroy();
    await Promise.all(this.origins.splice(0).map((origin) => origin.close()));
  }
}

export function compile(text: string): Compilation {
  return compileBootstrap(loadConfig({ file: 'test.yaml', text }), {
    serving: false,
    stats: new StatsStore(),
    logFiles: null,
  });
}

/** `severity code line` of each diagnostic. */
export function summary({ diagnostics }: Pick<Compilation, 'diagnostics'>): string[] {
  return diagnostics.map(({ severity, code, range }) => `${severity} ${code} ${range.line}`);
}
