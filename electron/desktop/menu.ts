import { Menu, type MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  open(): void;
  openRecent(file: string): void;
  startDemo(): void;
  readonly recent: readonly string[];
  readonly platform: NodeJS.Platform;
  /** Developer tools and reload, for builds that are not packaged. */
  readonly development: boolean;
}

export function setMenu(actions: MenuActions): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(actions)));
}

export function menuTemplate(actions: MenuActions): MenuItemConstructorOptions[] {
  const mac = actions.platform === 'darwin';
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
  ];
  if (actions.development) view.push({ type: 'separator' }, { role: 'reload' }, { role: 'toggleDevTools' });
  return [
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    {
      label: '&File',
      submenu: [
        { label: '&Open configuration…', accelerator: 'CmdOrCtrl+O', click: () => actions.open() },
        { label: 'Open &recent', submenu: recentItems(actions), enabled: actions.recent.length > 0 },
        { label: 'Start the &demo shop', accelerator: 'CmdOrCtrl+Shift+D', click: () => actions.startDemo() },
        { type: 'separator' },
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    { label: '&View', submenu: view },
    { role: 'windowMenu' },
  ];
}

function recentItems(actions: MenuActions): MenuItemConstructorOptions[] {
  return actions.recent.map((file) => ({
    // A single & would mark the next letter as the access key.
    label: file.replaceAll('&', '&&'),
    click: () => actions.openRecent(file),
  }));
}
