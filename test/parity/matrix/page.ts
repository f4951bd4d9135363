import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../../proxy-core/config/load.ts';
import type { ConfigNode } from '../../../proxy-core/config/message.ts';
import { configurationText } from '../engine/bootstrap.ts';
import { loadCases } from '../engine/case.ts';
import { loadLists } from '../engine/plan.ts';
import { type FieldReport, type MessageReport, probe } from './probe.ts';
import { BASE } from './samples.ts';

/** The page as text: the same input gives the same bytes. */
export function supportMatrix(root: string): string {
  const reports = probe(BASE)
    .filter((report) => report.fields.size > 0)
    .sort((a, b) => (a.type < b.type ? -1 : 1));
  const covered = coverage(root);
  const fields = reports.flatMap((report) => [...report.fields.values()]);
  const emulated = fields.filter((field) => field.status === 'emulated');
  const cases = loadCases(root);
  const { pending } = loadLists(root);
  const withCase = reports.flatMap((report) =>
    [...report.fields.values()].filter(
      (field) => field.status === 'emulated' && covered.has(`${report.type}.${field.name}`),
    ),
  );
  const lines = [
    '# Support matrix',
    '',
    'Made by `npm run matrix` from the Envoy v3 schema and from what compilation reads; do not edit.',
    '',
    `**${reports.length} messages, ${fields.length} fields on the paths that Attaché loads: ${emulated.length} emulated, ${
      fields.length - emulated.length
    } accepted with a notice.** ${cases.length} parity cases, ${pending.size} of them pending, set ${withCase.length} of the emulated fields.`,
    '',
    'Emulated: compilation reads the field. Accepted with a notice: a configuration that sets it loads, and the user is',
    'told that it has no effect here. A message that stands below a field with a notice is not listed.',
    '',
    '## Where Attaché means to differ from Envoy',
    '',
    ...differences(root),
    '',
    '## Messages',
    '',
    ...reports.flatMap((report) => section(report, covered)),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function section(report: MessageReport, covered: ReadonlyMap<string, readonly string[]>): string[] {
  const fields = [...report.fields.values()];
  const emulated = fields.filter((field) => field.status === 'emulated');
  const noticed = fields.filter((field) => field.status === 'notice').map((field) => `\`${field.name}\``);
  const lines = [`### ${report.type}`, '', `${emulated.length} of ${fields.length} fields emulated.`, ''];
  if (emulated.length > 0) {
    lines.push('| emulated | parity cases |', '|---|---|');
    for (const field of emulated) {
      lines.push(`| ${fieldCell(field)} | ${casesCell(covered.get(`${report.type}.${field.name}`) ?? [])} |`);
    }
    lines.push('');
  }
  if (noticed.length > 0) lines.push(`Accepted with a notice: ${noticed.join(', ')}.`, '');
  return lines;
}

function fieldCell(field: FieldReport): string {
  const notes = [
    ...(field.deprecated ? ['deprecated'] : []),
    ...(field.valuesWithNotice.length > 0 ? [`with a notice: ${field.valuesWithNotice.join(', ')}`] : []),
  ];
  return notes.length === 0 ? `\`${field.name}\`` : `\`${field.name}\` (${notes.join('; ')})`;
}

function casesCell(ids: readonly string[]): string {
  if (ids.length === 0) return '';
  const shown = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}

/** Full field name → the cases that set it, those that send traffic first. */
function coverage(root: string): Map<string, string[]> {
  const covered = new Map<string, string[]>();
  const cases = loadCases(root);
  const byUse = [...cases.filter((one) => !one.spec.validate), ...cases.filter((one) => one.spec.validate)];
  for (const { id, spec } of byUse) {
    const text = configurationText(spec).replace(/\{\{[\w:-]+\}\}/g, '10000');
    const { root: message } = loadConfig({ file: `${id}.yaml`, text });
    const names = new Set<string>();
    if (message !== null) collect(message, names);
    for (const name of names) covered.set(name, [...(covered.get(name) ?? []), id]);
  }
  return covered;
}

function collect(node: ConfigNode, names: Set<string>): void {
  switch (node.kind) {
    case 'message':
      for (const [name, field] of node.fields) {
        names.add(`${node.type}.${name}`);
        collect(field.value, names);
      }
      return;
    case 'list':
      for (const item of node.items) collect(item, names);
      return;
    case 'map':
      for (const entry of node.entries.values()) collect(entry.value, names);
      return;
    case 'scalar':
  }
}

function differences(root: string): string[] {
  const listed = parse(readFileSync(path.join(root, 'differences.yaml'), 'utf8')) as {
    topic?: string;
    reason: string;
  }[];
  return listed.flatMap(({ topic, reason }) =>
    topic === undefined ? [] : [`- **${topic}.** ${reason.trim()}`],
  );
}
