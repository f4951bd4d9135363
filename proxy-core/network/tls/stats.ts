import type { Counter, Stats } from '../../base/stats.ts';

/** `listener.<address>.ssl.*`, `cluster.<name>.ssl.*`. */
export interface TlsStats {
  readonly handshake: Counter;
  readonly connectionError: Counter;
  readonly noCertificate: Counter;
  readonly failVerifyNoCert: Counter;
  readonly failVerifyError: Counter;
  readonly failVerifySan: Counter;
  readonly failVerifyCertHash: Counter;
  readonly sessionReused: Counter;
  /** Connections that came or were wanted while a secret was not there. */
  readonly secretsNotReady: Counter;
  /** The context was made anew because a secret was replaced. */
  readonly updatedBySds: Counter;
  /** Counts one handshake's outcome: `versions.TLSv1.3`, `ciphers.<name>`, `curves.<name>`; empty texts not. */
  negotiated(version: string, cipher: string, curve: string): void;
}

/**
 * `scope` is `listener.<address>.` or `cluster.<name>.`, with its dot; `factory` is what Envoy calls the maker of TLS
 * sockets on that side.
 */
export function tlsStats(
  stats: Stats,
  scope: string,
  factory: 'server_ssl_socket_factory' | 'client_ssl_socket_factory',
): TlsStats {
  const counter = (name: string): Counter => stats.counter(`${scope}${name}`);
  for (const name of ['requests', 'responses', 'omitted', 'failed']) counter(`ssl.ocsp_staple_${name}`);
  counter('ssl.was_key_usage_invalid');
  const server = factory === 'server_ssl_socket_factory';
  const downstream = counter(`${factory}.downstream_context_secrets_not_ready`);
  const upstream = counter(`${factory}.upstream_context_secrets_not_ready`);
  return {
    handshake: counter('ssl.handshake'),
    connectionError: counter('ssl.connection_error'),
    noCertificate: counter('ssl.no_certificate'),
    failVerifyNoCert: counter('ssl.fail_verify_no_cert'),
    failVerifyError: counter('ssl.fail_verify_error'),
    failVerifySan: counter('ssl.fail_verify_san'),
    failVerifyCertHash: counter('ssl.fail_verify_cert_hash'),
    sessionReused: counter('ssl.session_reused'),
    secretsNotReady: server ? downstream : upstream,
    updatedBySds: counter(`${factory}.ssl_context_update_by_sds`),
    negotiated(version, cipher, curve) {
      if (version !== '') counter(`ssl.versions.${version}`).inc();
      if (cipher !== '') counter(`ssl.ciphers.${cipher}`).inc();
      if (curve !== '') counter(`ssl.curves.${curve}`).inc();
    },
  };
}
