import type { TlsInfo } from '../base/stream-info.ts';
import type { MessageReader } from '../config/reader.ts';

/** `forward_client_cert_details` and `set_current_client_cert_details`. */
export interface ForwardedClientCert {
  readonly mode: 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';
  readonly cert: boolean;
  readonly chain: boolean;
  readonly subject: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
}

export function compileForwardedClientCert(reader: MessageReader): ForwardedClientCert {
  const details = reader.message('set_current_client_cert_details');
  return {
    mode: (reader.enumeration('forward_client_cert_details') ?? 'SANITIZE') as ForwardedClientCert['mode'],
    cert: details?.bool('cert') ?? false,
    chain: details?.bool('chain') ?? false,
    subject: details?.bool('subject') ?? false,
    uri: details?.bool('uri') ?? false,
    dns: details?.bool('dns') ?? false,
  };
}

/**
 * The `x-forwarded-client-cert` that goes on, null for none (Envoy: mutateXfccRequestHeader). `received` is what the
 * client sent, null when it sent none.
 */
export function forwardedClientCert(
  config: ForwardedClientCert,
  received: string | null,
  tls: TlsInfo | null,
): string | null {
  if (config.mode === 'ALWAYS_FORWARD_ONLY') return received;
  const peer = tls?.peer ?? null;
  if (config.mode === 'SANITIZE' || peer === null) return null;
  if (config.mode === 'FORWARD_ONLY') return received;
  const parts: string[] = [];
  const own = tls?.local?.uriSans[0];
  if (own !== undefined) parts.push(`By=${own}`);
  parts.push(`Hash=${peer.fingerprint256}`);
  if (config.cert) parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (config.chain) parts.push(`Chain="${encodeURIComponent(peer.chainPem ?? peer.pem)}"`);
  if (config.subject) parts.push(`Subject="${peer.subject}"`);
  if (config.uri) parts.push(`URI=${peer.uriSans[0] ?? ''}`);
  if (config.dns) for (const name of peer.dnsSans) parts.push(`DNS=${name}`);
  const current = parts.join(';');
  return config.mode === 'APPEND_FORWARD' && received !== null ? `${received},${current}` : current;
}
