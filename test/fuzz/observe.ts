import type { RecordRow } from '../../proxy-core/facade/records.ts';
import { parseParams } from '../../proxy-core/observe/admin/params.ts';
import { compileFilter } from '../../proxy-core/observe/filter/filter.ts';
import { readBlockText } from '../../proxy-core/observe/recorder/block.ts';
import { parseStatsQuery } from '../../proxy-core/observe/stats/query.ts';
import { extractTags } from '../../proxy-core/observe/stats/tag-extraction.ts';

const ROW: RecordRow = {
  seq: 1,
  at: 0,
  method: 'GET',
  authority: 'shop.local',
  path: '/inventory/items?sku=1',
  status: 503,
  flags: 'UF',
  details: '',
  local: true,
  done: true,
  protocol: 'HTTP/1.1',
  listener: 'main',
  route: 'inventory',
  cluster: 'inventory_service',
  host: '127.0.0.1:9001',
  attempts: 1,
  requestBytes: 0,
  responseBytes: 10,
  duration: 5,
};

/** Any text as a filter: a predicate that answers, or an error inside the text. */
export function fuzzFilter(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  const compiled = compileFilter(text);
  if (compiled.ok) {
    compiled.matches({ row: ROW, headerLines: () => ['a: b'], bodies: () => ['{}'] });
    return;
  }
  if (compiled.message === '' || compiled.start > compiled.end || compiled.end > text.length) {
    throw new Error(`“${compiled.message}” points at ${compiled.start}–${compiled.end} of ${text.length}`);
  }
}

/** Any bytes as the query of an admin request, the name of a statistic, and the text of a record. */
export function fuzzObserve(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  parseStatsQuery(parseParams(text));
  const { name, tags } = extractTags(text);
  const removed = tags.reduce((sum, tag) => sum + tag.value.length, 0);
  if (name.length + removed > text.length) throw new Error(`tags of ${JSON.stringify(text)} grew`);
  readBlockText(text);
}
