import type { MessageReader } from '../config/reader.ts';

const CONNECTIONS =
  'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';

/**
 * `max_active_downstream_connections` of the overload manager's monitor of downstream connections; null without it. The
 * other monitors are about memory and processors of Envoy's own: they stay unread, so that a notice tells of them.
 */
export function compileConnectionLimit(root: MessageReader): number | null {
  let limit: number | null = null;
  for (const monitor of root.message('overload_manager')?.messages('resource_monitors') ?? []) {
    const node = monitor.node.fields.get('typed_config')?.value;
    if (node?.kind !== 'message' || node.type !== CONNECTIONS) continue;
    monitor.acknowledge('name');
    limit = monitor.message('typed_config')?.number('max_active_downstream_connections') ?? null;
  }
  return limit;
}
