import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { AdminAddress } from './types.ts';

/** Compiled `envoy.config.bootstrap.v3.Admin`. */
export interface AdminConfig {
  readonly address: AdminAddress;
  readonly source: SourceRange;
}

/** Null when the bootstrap asks for no admin interface. Admin's own access log is not emulated and stays unread. */
export function compileAdmin(reader: MessageReader | undefined, ctx: CompileContext): AdminConfig | null {
  const address = reader?.message('address');
  if (reader === undefined || address === undefined) return null;
  reader.acknowledge('ignore_global_conn_limit');
  const pipe = address.message('pipe');
  if (pipe !== undefined) {
    return { address: { ip: pipe.string('path') ?? '', port: -1 }, source: address.range };
  }
  const socket = address.message('socket_address');
  if (socket === undefined) {
    ctx.report(
      'error',
      'admin.address',
      reader,
      'address',
      'The admin address must be a socket_address or a pipe.',
    );
    return null;
  }
  socket.acknowledge('protocol');
  return {
    address: { ip: socket.string('address') ?? '', port: socket.number('port_value') ?? 0 },
    source: socket.range,
  };
}
