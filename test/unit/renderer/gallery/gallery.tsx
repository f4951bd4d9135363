/**
 * The whole window with a scripted client, for looking at: `?scene=shop|demo|welcome|empty|port|rejected|starting|full`,
 * `&live=1` for moving traffic, `&theme=dark|light`. Start it with `npx vite test/unit/renderer/gallery`.
 */
import { createRoot } from 'react-dom/client';
import { App } from '../../../../renderer/app.tsx';
import { setClient } from '../../../../renderer/state/client.ts';
import { startSession } from '../../../../renderer/state/session.ts';
import { startTheme } from '../../../../renderer/state/theme.ts';
import '../../../../renderer/theme/base.css';
import '../../../../renderer/theme/tokens.css';
import { createScriptedClient, type ScriptedClient } from './scripted-client.ts';
import type { Scene } from './story.ts';

declare global {
  interface Window {
    scripted: ScriptedClient;
  }
}

const query = new URLSearchParams(location.search);
const theme = query.get('theme');
if (theme !== null) localStorage.setItem('attache-theme', theme);
startTheme();
const client = createScriptedClient((query.get('scene') ?? 'shop') as Scene, {
  now: Date.now(),
  live: query.get('live') === '1',
});
setClient(client);
startSession(client);
window.scripted = client;

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
