import { expect, test } from 'vitest';
import { createCompileSession } from '../../../../proxy-core/config/compile-session.ts';
import { type LoadedConfig, loadConfig } from '../../../../proxy-core/config/load.ts';
import type { MessageNode } from '../../../../proxy-core/config/message.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import { unreadFields } from '../../../../proxy-core/config/unread.ts';

const files = { read: () => new Uint8Array(0), exists: () => false };

function session(text: string) {
  const loaded = loadConfig({ file: 'a.yaml', text }) as LoadedConfig & { root: MessageNode };
  return { loaded, ...createCompileSession(loaded, { files, serving: false }) };
}

test.each([
  ['whole file', 'static_resources: { clusters: [{ name: a }] }\n', 'route.unknown-cluster', 'error'],
  ['fragment', 'clusters: [{ name: a }]\n', 'config.unresolved-cluster', 'warning'],
])('an unknown cluster in a %s', (_, text, code, severity) => {
  const { loaded, context, diagnostics } = session(text);
  const [cluster] = new MessageReader(loaded.root).message('static_resources')?.messages('clusters') ?? [];
  context.report('error', 'route.unknown-cluster', cluster!, 'name', "route: unknown cluster 'b'");
  expect(diagnostics).toMatchObject([
    { code, severity, path: expect.stringMatching(/clusters\[0\]\.name$/) },
  ]);
  expect(diagnostics[0]?.message).toContain('b');
  expect([...context.clusterNames]).toEqual(['a']);
});

test('node and static runtime layers', () => {
  const { loaded, context } = session(`node: { id: n1, cluster: c1 }
layered_runtime:
  layers:
  - name: one
    static_layer: { a: { b: 1, c: x }, d: { numerator: 3 } }
  - name: two
    static_layer: { a.b: 2 }
`);
  expect(context.node).toEqual({ id: 'n1', cluster: 'c1' });
  expect([...context.runtime]).toEqual([
    ['a.b', 2],
    ['a.c', 'x'],
    ['d', { numerator: 3 }],
  ]);
  expect(unreadFields(loaded.root).map((one) => one.path)).toEqual(['node', 'layered_runtime']);
});
