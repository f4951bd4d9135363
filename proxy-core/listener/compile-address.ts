import { isIP } from 'node:net';
import type { SocketAddress } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { BindAddress } from './listener-config.ts';

/** `127.0.0.1:8080`, `[::1]:8080`, or the path of a Unix socket. */
export function formatAddress({ ip, port }: SocketAddress): string {
  if (port < 0) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** As `formatAddress`, null when there is none or the port is chosen by the system. */
export function peekAddress(reader: MessageReader | undefined): string | null {
  const pipe = reader?.message('pipe');
  if (pipe !== undefined) return pipe.string('path') ?? null;
  const socket = reader?.message('socket_address');
  const port = socket?.number('port_value') ?? 0;
  return socket === undefined || port === 0
    ? null
    : formatAddress({ ip: socket.string('address') ?? '', port });
}

/** Compiles `envoy.config.core.v3.Address`; null when nothing can be bound to it (it was reported). */
export function compileAddress(address: MessageReader, ctx: CompileContext): BindAddress | null {
  const pipe = address.message('pipe');
  if (pipe !== undefined) {
    return { ip: pipe.string('path') ?? '', port: -1, ipv6Only: false, mode: pipe.number('mode') ?? 0 };
  }
  const socket = address.message('socket_address');
  if (socket === undefined) return null;
  const ip = socket.string('address') ?? '';
  if (isIP(ip) === 0) {
    if (ip !== '') {
      ctx.report('error', 'config.malformed-address', socket, 'address', `malformed IP address: ${ip}`, {
        expected: 'an IP address such as 127.0.0.1 or 0.0.0.0; listeners resolve no names',
      });
    }
    return null;
  }
  const compatible = socket.bool('ipv4_compat') ?? false;
  return {
    ip,
    port: socket.number('port_value') ?? 0,
    ipv6Only: ip.includes(':') && !compatible,
    mode: 0,
  };
}

/** `address` and `additional_addresses`; null when one of them cannot stand. */
export function compileAddresses(
  reader: MessageReader,
  name: string,
  ctx: CompileContext,
): readonly BindAddress[] | null {
  const address = reader.message('address');
  if (address === undefined) {
    ctx.report(
      'error',
      'listener.no-address',
      reader,
      '',
      `error adding listener named '${name}': address is necessary`,
    );
    return null;
  }
  const all = [compileAddress(address, ctx)];
  for (const additional of reader.messages('additional_addresses')) {
    const more = additional.message('address');
    if (more !== undefined) all.push(compileAddress(more, ctx));
  }
  const binds = all.filter((each) => each !== null);
  return binds.length === all.length ? binds : null;
}
