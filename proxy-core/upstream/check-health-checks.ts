import type { CompileContext } from '../config/compile-context.ts';
import type { ConfigNode, MessageNode } from '../config/message.ts';
import { MessageReader } from '../config/reader.ts';
import type { ClusterConfig } from './types.ts';

/**
 * Envoy's verdicts on `health_checks`. Active checks are not run here, so nothing is marked as read: the field
 * still becomes a notice.
 */
export function checkHealthChecks(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  protocol: ClusterConfig['upstreamProtocol'],
): void {
  for (const check of messagesOf(cluster.node, 'health_checks')) {
    for (const http of messagesOf(check, 'http_health_check')) {
      for (const field of ['expected_statuses', 'retriable_statuses']) {
        for (const range of messagesOf(http, field)) checkRange(range, ctx);
      }
    }
    for (const tcp of messagesOf(check, 'tcp_health_check')) {
      for (const payload of [...messagesOf(tcp, 'send'), ...messagesOf(tcp, 'receive')])
        checkHex(payload, ctx);
    }
    if (check.fields.has('grpc_health_check') && protocol === 'HTTP1') {
      ctx.report(
        'error',
        'cluster.health-check-grpc-http1',
        new MessageReader(check),
        'grpc_health_check',
        `Cluster ${name} speaks HTTP/1 and gRPC health checks need HTTP/2. Set http2_protocol_options.`,
      );
    }
  }
}

function checkRange(range: MessageNode, ctx: CompileContext): void {
  const start = Number(scalarOf(range, 'start') ?? 0);
  const end = Number(scalarOf(range, 'end') ?? 0);
  if (start < end) return;
  ctx.report(
    'error',
    'cluster.health-check-status-range',
    new MessageReader(range),
    '',
    `A range of statuses begins below its end, which is not part of it; this one goes from ${start} to ${end}.`,
    { expected: `end: ${start + 1}` },
  );
}

function checkHex(payload: MessageNode, ctx: CompileContext): void {
  const text = scalarOf(payload, 'text');
  if (typeof text !== 'string' || (text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text))) return;
  ctx.report(
    'error',
    'cluster.health-check-hex',
    new MessageReader(payload),
    'text',
    `“${text}” is not a text of hexadecimal digits, two for each byte.`,
  );
}

/** The messages of a field, without marking it as read. */
function messagesOf(node: MessageNode, field: string): MessageNode[] {
  const value: ConfigNode | undefined = node.fields.get(field)?.value;
  if (value?.kind === 'message') return [value];
  return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'message') : [];
}

function scalarOf(node: MessageNode, field: string): unknown {
  const value = node.fields.get(field)?.value;
  return value?.kind === 'scalar' ? value.value : undefined;
}
