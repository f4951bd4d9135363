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
  /** Counts one handshake's outcome: `versions.TLSv1.3`, `ciphers.<name>`. */
  negotiated(version: string, cipher: string): void;
}

/** `prefix` with its dot. */
export function tlsStats(stats: Stats, prefix: string): TlsStats {
  const counter = (name: string): Counter => stats.counter(`${prefix}${name}`);
  return {
    handshake: counter('handshake'),
    connectionError: counter('connection_error'),
    noCertificate: counter('no_certificate'),
    failVerifyNoCert: counter('fail_verify_no_cert'),
    failVerifyError: counter('fail_verify_error'),
    failVerifySan: counter('fail_verify_san'),
    failVerifyCertHash: counter('fail_verify_cert_hash'),
    sessionReused: counter('session_reused'),
    negotiated(version, cipher) {
      counter(`versions.${version}`).inc();
      counter(`ciphers.${cipher}`).inc();
    },
  };
}
