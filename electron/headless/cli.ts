/**
 * The command `attache`. This file only reads the command line and picks the command; each command loads what it needs
 * when it runs, so that the quick ones stay quick.
 */
import { VERSION } from '../app/version.ts';
import { type Command, parseArguments } from './arguments.ts';
import { HELP } from './help.ts';
import { type Terminal, terminal } from './terminal.ts';

/** @returns the exit code */
export async function main(argv: readonly string[], output: Terminal): Promise<number> {
  const parsed = parseArguments(argv);
  if ('problem' in parsed) {
    output.error(`attache: ${parsed.problem}\nattache --help lists what there is.\n`);
    return 2;
  }
  for (const notice of parsed.notices) output.error(`attache: ${notice}\n`);
  return run(parsed.command, output);
}

async function run(command: Command, output: Terminal): Promise<number> {
  switch (command.kind) {
    case 'help':
      output.out(HELP);
      return 0;
    case 'version':
      output.out(`attache ${VERSION}\n`);
      return 0;
    case 'serve': {
      if (command.mode === 'validate') {
        const { validateLikeEnvoy } = await import('./commands/validate.ts');
        return validateLikeEnvoy(command.source, output);
      }
      const { serve } = await import('./commands/serve.ts');
      return serve(command, output);
    }
    case 'ui': {
      const { serveUi } = await import('./commands/ui.ts');
      return serveUi(command, output);
    }
    case 'app': {
      const { openApp } = await import('./commands/app.ts');
      return openApp(command, output);
    }
    case 'validate': {
      const { validate } = await import('./commands/validate.ts');
      return validate(command, output);
    }
    case 'explain': {
      const { explain } = await import('./commands/explain.ts');
      return explain(command, output);
    }
    case 'route-test': {
      const { routeTest } = await import('./commands/route-test.ts');
      return routeTest(command, output);
    }
    case 'ca': {
      const { showCa } = await import('./commands/ca.ts');
      return showCa(command, output);
    }
    case 'export': {
      const { exportTo } = await import('./commands/export.ts');
      return exportTo(command, output);
    }
  }
}

main(process.argv.slice(2), terminal).then(
  // A timer that was armed for later is no reason to stay; what was written gets out first.
  (code) => process.stdout.write('', () => process.exit(code)),
  (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.error(`attache: ${text}\n`);
    process.exitCode = 1;
  },
);
