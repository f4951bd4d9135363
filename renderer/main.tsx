import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { createClient, setClient } from './state/client.ts';
import { startSession } from './state/session.ts';
import { useApp } from './state/stores.ts';
import { startTheme } from './state/theme.ts';
import './theme/tokens.css';
import './theme/base.css';

startTheme();
const client = createClient(() => useApp.setState({ connection: 'refused' }));
setClient(client);
startSession(client);

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
