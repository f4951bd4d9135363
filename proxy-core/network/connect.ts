import { connect, type IpcNetConnectOpts, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { OnRead } from './read-buffer.ts';

/** Where a connection goes, and how. */
export interface ConnectTarget {
  readonly ip: string;
  /** -1: `address` is the path of a Unix socket. */
  readonly port: number;
  readonly address: string;
  /** Tried in turn when `ip` does not answer at once (RFC 8305, "happy eyeballs"). */
  readonly alternatives?: readonly string[];
  readonly socketOptions?: SocketOptions | null;
}

/** `upstream_bind_config` and `upstream_connection_options`. */
export interface SocketOptions {
  /** Own addresses to connect from; the first of the target's family is taken. */
  readonly localAddresses: readonly { readonly ip: string; readonly port: number }[];
  /** Milliseconds without traffic until the system probes the peer; null = it does not. */
  readonly keepAliveDelay: number | null;
}

/** How long one address may take before the next one is tried as well; Envoy's. */
const ATTEMPT_DELAY = 300;

export type ConnectOptions = TcpNetConnectOpts | IpcNetConnectOpts;

export function connectOptions(target: ConnectTarget): ConnectOptions {
  if (target.port < 0) return { path: target.address };
  const { ip, port, alternatives = [], socketOptions = null } = target;
  const options: TcpNetConnectOpts = { host: ip, port, noDelay: true };
  if (alternatives.length > 0) {
    const all = [ip, ...alternatives].map((address) => ({ address, family: isIP(address) }));
    options.autoSelectFamily = true;
    options.autoSelectFamilyAttemptTimeout = ATTEMPT_DELAY;
    // Only a name is looked up; these addresses are known already.
    options.host = 'upstream';
    // Later, so that whoever counts the attempts can listen before the first.
    options.lookup = (_name, _options, answer) => process.nextTick(answer, null, all);
  }
  if (socketOptions === null) return options;
  const local = socketOptions.localAddresses.find((each) => isIP(each.ip) === isIP(ip));
  if (local !== undefined) {
    options.localAddress = local.ip;
    if (local.port > 0) options.localPort = local.port;
  }
  if (socketOptions.keepAliveDelay !== null) {
    options.keepAlive = true;
    options.keepAliveInitialDelay = socketOptions.keepAliveDelay;
  }
  return options;
}

/** A connection without TLS; `preface` is sent before anything else. */
export function connectPlain(
  host: ConnectTarget,
  preface: Uint8Array | null | undefined,
  onread: OnRead | null,
): Socket {
  const where = { ...connectOptions(host), allowHalfOpen: true };
  const socket = onread === null ? connect(where) : connect({ ...where, onread });
  if (preface != null) socket.write(preface);
  return socket;
}
