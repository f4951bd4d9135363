import type { Diagnostic } from '../../proxy-core/index.ts';

/** `shop.yaml:61:30: error: …` and what helps below it, as compilers print it: editors and CI make links of that. */
export function diagnosticText(diagnostic: Diagnostic): string {
  const { file, line, column } = diagnostic.range;
  const lines = [
    `${file}:${line}:${column}: ${diagnostic.severity}: ${diagnostic.message} [${diagnostic.code}]`,
  ];
  if (diagnostic.path !== '') lines.push(`    at ${diagnostic.path}`);
  if (diagnostic.expected !== undefined) lines.push(`    expected ${diagnostic.expected}`);
  if (diagnostic.fix !== undefined) lines.push(`    ${diagnostic.fix.title}`);
  else if (diagnostic.suggestion !== undefined) lines.push(`    did you mean ${diagnostic.suggestion}?`);
  return `${lines.join('\n')}\n`;
}

export function diagnosticsText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(diagnosticText).join('');
}

/** `2 errors, 1 warning, 3 notices` */
export function countText(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: Diagnostic['severity']) => {
    const n = diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
    return `${n} ${severity}${n === 1 ? '' : 's'}`;
  };
  return `${count('error')}, ${count('warning')}, ${count('notice')}`;
}
