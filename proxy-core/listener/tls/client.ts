import { type ConnectionOptions, connect, createSecureContext, type SecureContext } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import { describeSocket, peerCertificate } from './certificate.ts';
import { type CommonTls, compileCommonTls, transportSocketContext, UPSTREAM_TLS } from './compile.ts';
import { acceptsPeer, VERIFY_FAILED } from './verify.ts';

/** Compiles a cluster's `transport_socket`; null = raw buffer. */
export function compileClientTls(socket: MessageReader, ctx: CompileContext): ClientTls | null {
  const reader = transportSocketContext(socket, ctx, UPSTREAM_TLS);
  if (reader === null) return null;
  const common = compileCommonTls(reader.message('common_tls_context'), ctx, 'TLSv1.2');
  const sni = reader.string('sni') ?? '';
  reader.acknowledge('allow_renegotiation', 'max_session_keys', 'enforce_rsa_key_usage');
  return clientTls(common, sni);
}

function clientTls(common: CommonTls, sni: string): ClientTls {
  const { validation } = common;
  let context: SecureContext | null = null;
  const secureContext = (): SecureContext => {
    context ??= createSecureContext({
      ...common.parameters,
      ...(validation?.trustedCa == null ? {} : { ca: validation.trustedCa }),
      ...(common.certificates.length === 0
        ? {}
        : {
            cert: common.certificates.map((each) => each.chain),
            key: common.certificates.map((each) =>
              each.passphrase === undefined
                ? { pem: each.key }
                : { pem: each.key, passphrase: each.passphrase },
            ),
          }),
    });
    return context;
  };
  return {
    connect(host, protocol, onread) {
      const where =
        host.port < 0 ? { path: host.address } : { host: host.ip, port: host.port, noDelay: true };
      const fallback = { AUTO: ['h2', 'http/1.1'], HTTP2: ['h2'], HTTP1: ['http/1.1'], TCP: [] }[protocol];
      const options: ConnectionOptions & {
        onread: typeof onread;
        allowHalfOpen: boolean;
        noDelay?: boolean;
      } = {
        ...where,
        secureContext: secureContext(),
        ...(sni === '' ? {} : { servername: sni }),
        ALPNProtocols: common.alpn.length > 0 && protocol !== 'AUTO' ? [...common.alpn] : fallback,
        allowHalfOpen: true,
        // Whether the peer is good is decided by Envoy's rules, not by the name alone.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        onread,
      };
      return connect(options);
    },
    verify(socket, stats) {
      stats.handshake.inc();
      stats.negotiated(socket.getProtocol() ?? '', socket.getCipher()?.name ?? '');
      if (socket.isSessionReused()) stats.sessionReused.inc();
      if (validation === null) return '';
      const certificate = peerCertificate(socket);
      const error = socket.authorized ? '' : String(socket.authorizationError ?? 'UNKNOWN');
      if (certificate !== null && acceptsPeer(validation, certificate, error, stats)) return '';
      return VERIFY_FAILED;
    },
    describe: describeSocket,
  };
}
