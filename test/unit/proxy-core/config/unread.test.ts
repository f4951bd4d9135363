import { expect, test } from 'vitest';
import { loadMessage } from '../../../../proxy-core/config/load.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import { unreadFields } from '../../../../proxy-core/config/unread.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

function notices(text: string, read: (reader: MessageReader) => void): string[] {
  const { root } = loadMessage(text, 'm.yaml', CLUSTER);
  if (root === null) throw new Error('nothing read');
  read(new MessageReader(root));
  return unreadFields(root).map((one) => `${one.range.line}:${one.range.column} ${one.path}`);
}

const TEXT = `name: c
outlier_detection:
  consecutive_5xx: 3
  interval: 1s
circuit_breakers:
  thresholds:
  - max_requests: 1
    track_remaining: true
typed_extension_protocol_options: { a: { "@type": x/envoy.config.core.v3.Node, id: b } }
`;

test('nothing read: one notice for each field of the message, none below', () => {
  expect(notices(TEXT, () => {})).toEqual([
    '1:1 name',
    '2:1 outlier_detection',
    '5:1 circuit_breakers',
    '9:1 typed_extension_protocol_options',
  ]);
});

test('fields below a field that was read speak for themselves', () => {
  const found = notices(TEXT, (reader) => {
    reader.string('name');
    reader.message('outlier_detection')?.number('consecutive_5xx');
    reader.message('circuit_breakers')?.messages('thresholds')[0]?.number('max_requests');
    reader.messageMap('typed_extension_protocol_options');
  });
  expect(found).toEqual([
    '4:3 outlier_detection.interval',
    '8:5 circuit_breakers.thresholds[0].track_remaining',
    '9:80 typed_extension_protocol_options[a].id',
  ]);
});

test('what was acknowledged is no notice', () => {
  expect(notices('name: c\n', (reader) => reader.acknowledge('name', 'alt_stat_name'))).toEqual([]);
});
