import { createProxyCore, type Diagnostic } from '../../../proxy-core/index.ts';
import { type RunningTarget, type Target, TargetRefused, type TargetRun, type Verdict } from './target.ts';

/** Attaché's core in this process; each case has a core of its own. */
export class AttacheTarget implements Target {
  readonly name = 'attache';

  async version(): Promise<string> {
    return 'attache';
  }

  async start(run: TargetRun): Promise<RunningTarget> {
    const core = createProxyCore({ fileFlushInterval: 20 });
    const result = await core.apply({ file: 'case.yaml', text: run.text }).catch(async (error: unknown) => {
      await core.close({ drain: 0 });
      throw error;
    });
    if (!result.ok) {
      await core.close({ drain: 0 });
      throw new TargetRefused(errorText(result.diagnostics));
    }
    return { stop: () => core.close({ drain: 0 }) };
  }

  async validate(run: TargetRun): Promise<Verdict> {
    const core = createProxyCore({});
    try {
      const { ok, diagnostics } = core.validate({ file: 'case.yaml', text: run.text });
      return { verdict: ok ? 'accept' : 'reject', says: errorText(diagnostics) };
    } finally {
      await core.close({ drain: 0 });
    }
  }
}

function errorText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .filter((diagnostic) => diagnostic.severity === 'error')
    .map((diagnostic) => `${diagnostic.path}: ${diagnostic.message}`)
    .join('; ');
}
