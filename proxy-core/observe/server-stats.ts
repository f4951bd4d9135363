import type { Clock } from '../base/clock.ts';
import type { Counter, Gauge, Stats } from '../base/stats.ts';

/** What the process-wide gauges are read from. */
export interface ServerStatsSource {
  /** Downstream connections of all listeners. */
  totalConnections(): number;
  /** 0 live, 1 draining, 2 pre-initializing, 3 initializing (`envoy.admin.v3.ServerInfo.State`). */
  state(): number;
  /** Wall milliseconds at which the first certificate expires; null without certificates. */
  firstCertificateExpiry(): number | null;
}

const COUNTERS = `main_thread.watchdog_mega_miss main_thread.watchdog_miss
envoy.overload_actions.reset_high_memory_stream.count
server.debug_assertion_failures server.dropped_stat_flushes server.dynamic_unknown_fields
server.envoy_bug_failures server.envoy_notifications server.main_thread.watchdog_mega_miss
server.main_thread.watchdog_miss server.static_unknown_fields server.wip_protos
server.worker_0.watchdog_mega_miss server.worker_0.watchdog_miss tcmalloc.released_by_timer
workers.watchdog_mega_miss workers.watchdog_miss runtime.deprecated_feature_use runtime.load_error
runtime.load_success runtime.override_dir_exists runtime.override_dir_not_exists
listener_manager.listener_create_failure listener_manager.listener_create_success
listener_manager.listener_in_place_updated listener_manager.listener_stopped
http.async-client.no_cluster http.async-client.no_route
http.async-client.passthrough_internal_redirect_bad_location
http.async-client.passthrough_internal_redirect_no_route
http.async-client.passthrough_internal_redirect_predicate
http.async-client.passthrough_internal_redirect_too_many_redirects
http.async-client.passthrough_internal_redirect_unsafe_scheme http.async-client.rq_direct_response
http.async-client.rq_overload_local_reply http.async-client.rq_redirect
http.async-client.rq_reset_after_downstream_response_started http.async-client.rq_total`.split(/\s+/);

/** Without any certificate Envoy says 2^32 - 1 days. */
const NO_EXPIRY_DAYS = 4_294_967_295;

/**
 * The statistics of the process (`server.`, `runtime.`, watchdogs), with Envoy's names. Gauges are read at each flush,
 * so they may be five seconds old; those of one thread or of C++ memory management stay zero.
 */
export class ServerStats {
  private readonly gauges: Record<string, Gauge> = {};
  private readonly started: number;
  readonly runtimeLoads: Counter;
  readonly runtimeKeys: Gauge;
  readonly runtimeLayers: Gauge;

  /** `version` as `1.2.3`, kept as the number that dashboards compare. */
  constructor(
    private readonly stats: Stats,
    private readonly clock: Clock,
    version: string,
    private readonly source: ServerStatsSource,
  ) {
    this.started = clock.now();
    for (const name of COUNTERS) stats.counter(name);
    stats.histogram('overload.refresh_interval_delay');
    stats.histogram('server.initialization_time_ms');
    for (const [name, value] of [
      ['server.compilation_settings.fips_mode', 0],
      ['server.concurrency', 1],
      ['server.hot_restart_epoch', 0],
      ['server.hot_restart_generation', 1],
      ['server.parent_connections', 0],
      ['listener_manager.total_filter_chains_draining', 0],
      ['listener_manager.total_listeners_draining', 0],
      ['listener_manager.total_listeners_warming', 0],
      ['listener_manager.workers_started', 1],
      ['server.version', versionNumber(version)],
      ['runtime.admin_overrides_active', 0],
      ['runtime.deprecated_feature_seen_since_process_start', 0],
      ['thread_local_cluster_manager.main_thread.clusters_inflated', 0],
      ['thread_local_cluster_manager.worker_0.clusters_inflated', 0],
    ] as const) {
      stats.gauge(name).set(value);
    }
    stats.gauge('server.seconds_until_first_ocsp_response_expiring');
    stats.gauge('server.stats_recent_lookups');
    this.runtimeLoads = stats.counter('runtime.load_success');
    this.runtimeKeys = stats.gauge('runtime.num_keys');
    this.runtimeLayers = stats.gauge('runtime.num_layers');
    this.refresh();
  }

  /** Milliseconds from the start of the process to the first configuration serving. */
  initialized(duration: number): void {
    this.stats.histogram('server.initialization_time_ms').record(duration);
  }

  /** Reads the gauges anew; hand it to `StatsStore.onFlush`. */
  refresh(): void {
    const memory = process.memoryUsage();
    this.set('live', this.source.state() === 0 ? 1 : 0);
    this.set('state', this.source.state());
    this.set('uptime', Math.floor((this.clock.now() - this.started) / 1000));
    this.set('memory_allocated', memory.heapUsed + memory.external);
    this.set('memory_heap_size', memory.heapTotal + memory.external);
    this.set('memory_physical_size', memory.rss);
    this.set('total_connections', this.source.totalConnections());
    const expiry = this.source.firstCertificateExpiry();
    this.set(
      'days_until_first_cert_expiring',
      expiry === null ? NO_EXPIRY_DAYS : Math.max(0, Math.floor((expiry - this.clock.wall()) / 86_400_000)),
    );
  }

  private set(name: string, value: number): void {
    let gauge = this.gauges[name];
    if (gauge === undefined) {
      gauge = this.stats.gauge(`server.${name}`);
      this.gauges[name] = gauge;
    }
    gauge.set(value);
  }
}

/** `1.2.3` → 10203. */
function versionNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number(part) || 0);
  return major * 10_000 + minor * 100 + patch;
}
