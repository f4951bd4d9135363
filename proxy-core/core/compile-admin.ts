import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';

/** `admin` of the bootstrap: where the admin interface listens. */
export interface AdminConfig {
  readonly ip: string;
  readonly port: number;
  readonly range: SourceRange;
}

/** Null when the bootstrap asks for no admin interface, as in Envoy. */
export function compileAdmin(root: MessageReader): AdminConfig | null {
  const admin = root.message('admin');
  const address = admin?.message('address');
  const socket = address?.message('socket_address');
  if (admin === undefined || socket === undefined) return null;
  socket.acknowledge('protocol');
  return {
    ip: socket.string('address') ?? '',
    port: socket.number('port_value') ?? 0,
    range: address?.range ?? admin.range,
  };
}
