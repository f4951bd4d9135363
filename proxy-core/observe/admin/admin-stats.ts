import type { Stats } from '../../base/stats.ts';

/** What Envoy creates for `http.admin.` and `listener.admin.`, so that the pages list the same names. */
const HTTP_COUNTERS =
  `downstream_cx_delayed_close_timeout downstream_cx_destroy downstream_cx_destroy_active_rq
downstream_cx_destroy_local downstream_cx_destroy_local_active_rq downstream_cx_destroy_remote
downstream_cx_destroy_remote_active_rq downstream_cx_drain_close downstream_cx_http1_total downstream_cx_http2_total
downstream_cx_http3_total downstream_cx_idle_timeout downstream_cx_max_duration_reached
downstream_cx_max_requests_reached downstream_cx_overload_disable_keepalive downstream_cx_protocol_error
downstream_cx_rx_bytes_total downstream_cx_ssl_total downstream_cx_total downstream_cx_tx_bytes_total
downstream_cx_upgrades_total downstream_flow_control_paused_reading_total
downstream_flow_control_resumed_reading_total downstream_rq_1xx downstream_rq_2xx downstream_rq_3xx downstream_rq_4xx
downstream_rq_5xx downstream_rq_completed downstream_rq_failed_path_normalization downstream_rq_header_timeout
downstream_rq_http1_total downstream_rq_http2_total downstream_rq_http3_total downstream_rq_idle_timeout
downstream_rq_max_duration_reached downstream_rq_non_relative_path downstream_rq_overload_close
downstream_rq_redirected_with_normalized_path downstream_rq_rejected_via_ip_detection
downstream_rq_response_before_rq_complete downstream_rq_rx_reset downstream_rq_timeout downstream_rq_too_large
downstream_rq_too_many_premature_resets downstream_rq_total downstream_rq_tx_reset downstream_rq_ws_on_non_ws_route
rs_too_large`.split(/\s+/);

const HTTP_GAUGES = `downstream_cx_active downstream_cx_http1_active downstream_cx_http1_soft_drain
downstream_cx_http2_active downstream_cx_http3_active downstream_cx_rx_bytes_buffered downstream_cx_ssl_active
downstream_cx_tx_bytes_buffered downstream_cx_upgrades_active downstream_rq_active`.split(/\s+/);

const LISTENER_COUNTERS = `downstream_cx_destroy downstream_cx_overflow downstream_cx_overload_reject
downstream_cx_total downstream_cx_transport_socket_connect_timeout downstream_global_cx_overflow
downstream_listener_filter_error downstream_listener_filter_remote_close downstream_pre_cx_timeout
http.admin.downstream_rq_1xx http.admin.downstream_rq_2xx http.admin.downstream_rq_3xx http.admin.downstream_rq_4xx
http.admin.downstream_rq_5xx http.admin.downstream_rq_completed main_thread.downstream_cx_total
no_filter_chain_match`.split(/\s+/);

const LISTENER_GAUGES = [
  'downstream_cx_active',
  'downstream_pre_cx_active',
  'main_thread.downstream_cx_active',
];

/** The admin interface's own statistics: it counts itself as Envoy's admin listener does. */
export class AdminStats {
  constructor(private readonly stats: Stats) {
    for (const name of HTTP_COUNTERS) stats.counter(`http.admin.${name}`);
    for (const name of HTTP_GAUGES) stats.gauge(`http.admin.${name}`);
    for (const name of LISTENER_COUNTERS) stats.counter(`listener.admin.${name}`);
    for (const name of LISTENER_GAUGES) stats.gauge(`listener.admin.${name}`);
    for (const name of ['http.admin.downstream_cx_length_ms', 'http.admin.downstream_rq_time']) {
      stats.histogram(name);
    }
    for (const name of ['connections_accepted_per_socket_event', 'downstream_cx_length_ms']) {
      stats.histogram(`listener.admin.${name}`);
    }
  }

  connectionOpened(): void {
    for (const name of ['http.admin', 'listener.admin', 'listener.admin.main_thread']) {
      this.stats.counter(`${name}.downstream_cx_total`).inc();
      this.stats.gauge(`${name}.downstream_cx_active`).inc();
    }
    this.stats.counter('http.admin.downstream_cx_http1_total').inc();
    this.stats.gauge('http.admin.downstream_cx_http1_active').inc();
    this.stats.gauge('listener.admin.downstream_pre_cx_active').set(0);
    this.stats.histogram('listener.admin.connections_accepted_per_socket_event').record(1);
  }

  /** `length` in milliseconds. */
  connectionClosed(length: number, received: number, sent: number, local: boolean): void {
    for (const name of ['http.admin', 'listener.admin', 'listener.admin.main_thread']) {
      this.stats.gauge(`${name}.downstream_cx_active`).dec();
    }
    for (const name of ['http.admin', 'listener.admin']) {
      this.stats.counter(`${name}.downstream_cx_destroy`).inc();
      this.stats.histogram(`${name}.downstream_cx_length_ms`).record(length);
    }
    this.stats.counter(`http.admin.downstream_cx_destroy_${local ? 'local' : 'remote'}`).inc();
    this.stats.gauge('http.admin.downstream_cx_http1_active').dec();
    this.stats.counter('http.admin.downstream_cx_rx_bytes_total').add(received);
    this.stats.counter('http.admin.downstream_cx_tx_bytes_total').add(sent);
  }

  requestStarted(): void {
    this.stats.counter('http.admin.downstream_rq_total').inc();
    this.stats.counter('http.admin.downstream_rq_http1_total').inc();
    this.stats.gauge('http.admin.downstream_rq_active').inc();
  }

  requestEnded(status: number, duration: number): void {
    this.stats.gauge('http.admin.downstream_rq_active').dec();
    for (const scope of ['http.admin', 'listener.admin.http.admin']) {
      this.stats.counter(`${scope}.downstream_rq_completed`).inc();
      this.stats.counter(`${scope}.downstream_rq_${Math.floor(status / 100)}xx`).inc();
    }
    this.stats.histogram('http.admin.downstream_rq_time').record(duration);
  }
}
