import { formatDiagnostics } from '../../proxy-core/config/diagnostic-format.ts';
import { loadConfig } from '../../proxy-core/config/load.ts';

/** Longest time that one text may take, in milliseconds, on a busy machine. */
const LIMIT = 5000;

/** Any bytes as a configuration: an answer, with diagnostics that point into the text, within bounded time. */
export function fuzzConfig(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  const started = performance.now();
  const loaded = loadConfig({ file: bytes.length % 7 === 0 ? 'fuzz.json' : 'fuzz.yaml', text });
  const took = performance.now() - started;
  if (took > LIMIT) throw new Error(`${bytes.length} bytes took ${Math.round(took)} ms`);
  if (loaded.root === null && !loaded.diagnostics.some((one) => one.severity === 'error')) {
    throw new Error('nothing was read and nothing was said');
  }
  const lines = text.split('\n').length;
  for (const { range, message } of loaded.diagnostics) {
    if (range.line < 1 || range.column < 1 || range.line > lines + 1) {
      throw new Error(`“${message}” points at ${range.line}:${range.column} of ${lines} lines`);
    }
  }
  formatDiagnostics(loaded.diagnostics, { line: (_, number) => loaded.source.line(number) });
}
