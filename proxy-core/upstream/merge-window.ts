import { CallbackTimer } from '../base/clock.ts';
import type { CoreServices } from '../config/compile-context.ts';

/**
 * `update_merge_window`: the first health or weight change of a cluster reaches load balancing at once; what
 * changes within the window after it waits for a timer of the window's length (envoy ClusterManagerImpl::scheduleUpdate).
 */
export class MergeWindow {
  private lastDelivery = Number.NEGATIVE_INFINITY;
  private readonly timer: CallbackTimer;

  constructor(
    private readonly services: CoreServices,
    private readonly window: number,
    private readonly deliver: () => void,
  ) {
    this.timer = new CallbackTimer(services.clock, () => {
      this.services.stats.counter('cluster_manager.cluster_updated_via_merge').inc();
      this.lastDelivery = services.clock.now();
      deliver();
    });
  }

  /** Tells of a change. Added or removed hosts are `mergeable: false`: those go out at once, whatever waits with them. */
  schedule(mergeable: boolean): void {
    const now = this.services.clock.now();
    const outside = now - this.lastDelivery > this.window;
    if (mergeable && !outside && this.window > 0) {
      if (!this.timer.armed) this.timer.arm(this.window);
      return;
    }
    if (this.window > 0) {
      if (mergeable) this.services.stats.counter('cluster_manager.update_out_of_merge_window').inc();
      if (this.timer.armed) {
        this.timer.disarm();
        this.services.stats.counter('cluster_manager.update_merge_cancelled').inc();
      }
    }
    this.lastDelivery = now;
    this.deliver();
  }

  /** The first hosts of a cluster: out at once, and no window begins, as warming is not an update. */
  deliverFirst(): void {
    this.deliver();
  }

  close(): void {
    this.timer.disarm();
  }
}
