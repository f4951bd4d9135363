import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/**
 * `layered_runtime` (envoy.config.bootstrap.v3.LayeredRuntime): names are unique, at most one admin layer. The values of
 * the static layers are in `ctx.runtime`; disk, RTDS and admin layers hold nothing at start.
 */
export function checkRuntimeLayers(root: MessageReader, ctx: CompileContext): void {
  const names = new Set<string>();
  let adminLayers = 0;
  for (const layer of root.message('layered_runtime')?.messages('layers') ?? []) {
    const name = layer.string('name') ?? '';
    if (names.has(name)) {
      ctx.report('error', 'runtime.duplicate-layer', layer, 'name', `Duplicate layer name: ${name}`);
    }
    names.add(name);
    layer.acknowledge('static_layer');
    if (!layer.has('admin_layer')) continue;
    layer.acknowledge('admin_layer');
    if (++adminLayers === 2) {
      ctx.report(
        'error',
        'runtime.admin-layers',
        layer,
        'admin_layer',
        'Too many admin layers specified in LayeredRuntime, at most one may be specified',
      );
    }
  }
}
