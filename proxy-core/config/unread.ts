import type { Diagnostic } from './diagnostic.ts';
import type { ConfigNode, MessageNode } from './message.ts';

/**
 * One notice for each field that the user set and compilation never looked at. What stands below such a field is
 * covered by its notice. Run it after compilation.
 */
export function unreadFields(root: MessageNode): Diagnostic[] {
  const notices: Diagnostic[] = [];
  const seen = new Set<ConfigNode>();
  const visit = (node: ConfigNode): void => {
    if (node.kind === 'scalar' || seen.has(node)) return;
    seen.add(node);
    if (node.kind === 'list') {
      for (const item of node.items) visit(item);
      return;
    }
    const fields = node.kind === 'message' ? node.fields : node.entries;
    for (const field of fields.values()) {
      if (field.read) {
        visit(field.value);
        continue;
      }
      notices.push({
        code: 'config.not-emulated',
        severity: 'notice',
        message: `“${field.key}” is accepted, and has no effect here.`,
        path: field.path,
        range: field.keyRange,
      });
    }
  };
  visit(root);
  return notices;
}
