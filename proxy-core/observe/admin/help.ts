import type { AdminHandler } from './types.ts';

/** `admin commands are:` and one line per command and parameter, by path. */
export function helpText(handlers: readonly AdminHandler[]): string {
  const sorted = [...handlers].sort((a, b) => (a.path < b.path ? -1 : 1));
  let text = 'admin commands are:\n';
  for (const handler of sorted) {
    text += `  ${handler.path}${handler.mutates === true ? ' (POST)' : ''}: ${handler.help}\n`;
    for (const [name, help] of handler.params ?? []) text += `      ${name}: ${help}\n`;
  }
  return text;
}

/** The page of `/`: a table of commands; those that change something are buttons. */
export function indexPage(handlers: readonly AdminHandler[]): string {
  const sorted = [...handlers].filter((h) => h.path !== '/').sort((a, b) => (a.path < b.path ? -1 : 1));
  const rows = sorted
    .map((handler) => {
      const path = escapeHtml(handler.path);
      const name = path.slice(1);
      const command =
        handler.mutates === true
          ? `<form action="${name}" method="post"><button>${name}</button></form>`
          : `<a href="${name}">${name}</a>`;
      const params = (handler.params ?? [])
        .map(([param, help]) => `<div><code>${escapeHtml(param)}</code> ${escapeHtml(help)}</div>`)
        .join('');
      return `<tr><td>${command}</td><td>${escapeHtml(handler.help)}${params}</td></tr>`;
    })
    .join('\n');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Attaché admin</title>
<style>
body { font-family: system-ui, sans-serif; margin: 24px; color: #1c1f24; background: #fff; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: 4px 12px; border-bottom: 1px solid #ddd; vertical-align: top; }
td div { color: #555; font-size: 12px; }
form { margin: 0; }
button { font: inherit; color: #0b5cad; background: none; border: 0; padding: 0; cursor: pointer; text-decoration: underline; }
@media (prefers-color-scheme: dark) { body { color: #e6e8eb; background: #16181c; } a, button { color: #7db5f0; } td div { color: #a0a6ad; } th, td { border-color: #333; } }
</style>
</head>
<body>
<table>
<thead><tr><th>Command</th><th>Description</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
