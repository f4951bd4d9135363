import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where Attaché keeps what it remembers between runs (recent files, window places). ATTACHE_HOME overrides it. */
export function userFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env['ATTACHE_HOME']) return env['ATTACHE_HOME'];
  if (platform === 'win32') return join(env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming'), 'Attache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Attache');
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'attache');
}
