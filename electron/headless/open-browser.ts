import { spawn } from 'node:child_process';

/** Opens an address in the user's browser. Nothing happens where there is none; the address was printed anyway. */
export function openBrowser(url: string): void {
  const opener = openerOf(process.platform, process.env);
  if (opener === null) return;
  const [command, ...args] = opener;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

/** The command that opens an address, or null on a machine without a screen. */
export function openerOf(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): readonly [string, ...string[]] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return hasScreen(platform, env) ? ['xdg-open'] : null;
}

export function hasScreen(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): boolean {
  return platform !== 'linux' || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']);
}
