/** Programs under measurement: started on a core of their own, watched through /proc. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { cpus } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export function onPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  return null;
}

/** Core of the proxy that is measured, and of everything else. */
export const PROXY_CORE = 0;
export const OTHER_CORE = 1;

const taskset = cpus().length > 1 ? onPath('taskset') : null;
const ticks =
  process.platform === 'linux' ? Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : 100;
const children: ChildProcess[] = [];

export function start(command: readonly string[], core: number, output: 'pipe' | 'ignore'): ChildProcess {
  const [file, ...rest] = taskset === null ? command : [taskset, '-c', String(core), ...command];
  const child = spawn(file as string, rest, { stdio: ['ignore', output, 'inherit'] });
  children.push(child);
  return child;
}

/** Starts a script of this folder. */
export function startScript(name: string, args: readonly string[]): ChildProcess {
  return start([process.execPath, 'build/run.mjs', `test/bench/${name}`, ...args], OTHER_CORE, 'pipe');
}

export function stopAll(): void {
  for (const child of children) child.kill('SIGTERM');
}

export async function text(child: ChildProcess): Promise<string> {
  let all = '';
  for await (const chunk of child.stdout as NodeJS.ReadableStream) all += String(chunk);
  return all;
}

export async function firstLine(child: ChildProcess): Promise<string> {
  let all = '';
  for await (const chunk of child.stdout as NodeJS.ReadableStream) {
    all += String(chunk);
    if (all.includes('\n')) break;
  }
  return all;
}

/** The origin of `origin.ts`; its port. */
export async function startOrigin(): Promise<number> {
  return Number(/port (\d+)/.exec(await firstLine(startScript('origin.ts', [])))?.[1]);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** False when the program ended, or after 15 s. */
export async function listening(port: number, child: ChildProcess): Promise<boolean> {
  for (let i = 0; i < 150 && child.exitCode === null; i++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return true;
    await sleep(100);
  }
  return false;
}

function processTree(pid: number): number[] {
  const found = [pid];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (statFields(Number(entry))[1] === String(pid)) found.push(...processTree(Number(entry)));
    } catch {
      // The process ended while we looked.
    }
  }
  return found;
}

function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** CPU seconds (user and system) of a process and its children; null off Linux. */
export function cpuSeconds(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  return processTree(pid).reduce((sum, each) => {
    const fields = statFields(each);
    return sum + (Number(fields[11]) + Number(fields[12])) / ticks;
  }, 0);
}

/** Resident memory of a process and its children in MB; null off Linux. */
export function rss(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  return processTree(pid).reduce((sum, each) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${each}/status`, 'latin1'))?.[1];
    return sum + Number(kilobytes ?? 0) / 1024;
  }, 0);
}
