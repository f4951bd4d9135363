/** What the palette finds. Pure, so that ranking can be tested as a table. */
import type { ConfigState, DemoState } from '../../../electron/ipc/contract.ts';
import type { CoreState } from '../../../proxy-core/index.ts';
import type { IconName } from '../../components/icon.tsx';
import { plural } from '../../state/format.ts';
import {
  clusterHref,
  configHref,
  filterValue,
  formatRoute,
  screenHref,
  testerHref,
  trafficHref,
} from '../../state/router.ts';
import { RAIL } from './rail.tsx';

export interface PaletteEntry {
  readonly group: 'Actions' | 'Go to' | 'Routes' | 'Clusters' | 'Hosts' | 'Requests' | 'Config' | 'Recent';
  readonly icon: IconName;
  readonly text: string;
  readonly detail: string;
  readonly keys: string;
  readonly go: { readonly href: string } | { readonly action: PaletteAction };
}

export type PaletteAction =
  | { readonly kind: 'open-file' }
  | { readonly kind: 'open-recent'; readonly file: string }
  | { readonly kind: 'start-demo' }
  | { readonly kind: 'pause'; readonly paused: boolean }
  | { readonly kind: 'clear' }
  | { readonly kind: 'route-tests' }
  | { readonly kind: 'theme' }
  | { readonly kind: 'shortcuts' }
  | { readonly kind: 'demo-host'; readonly address: string; readonly mode: '503' | 'healthy' };

export interface PaletteSource {
  readonly core: CoreState | null;
  readonly config: ConfigState | null;
  readonly demo: DemoState | null;
  readonly recording: boolean;
  readonly mod: string;
}

export function paletteEntries(source: PaletteSource): PaletteEntry[] {
  const { core, config, demo, recording, mod } = source;
  const open = config !== null && config.status !== 'none';
  const entries: PaletteEntry[] = [];
  const action = (icon: IconName, text: string, detail: string, keys: string, run: PaletteAction) =>
    entries.push({ group: 'Actions', icon, text, detail, keys, go: { action: run } });

  action('folder', 'Open a configuration…', '', `${mod} O`, { kind: 'open-file' });
  if (demo?.running !== true) action('shop', 'Start the demo shop', '', '', { kind: 'start-demo' });
  if (open) {
    const text = recording ? 'Pause recording' : 'Record again';
    action(recording ? 'pause' : 'record', text, 'traffic goes on', '', { kind: 'pause', paused: recording });
    action('copy', 'Copy route tests', 'of the requests that the traffic list shows', '', {
      kind: 'route-tests',
    });
    entries.push({
      group: 'Go to',
      icon: 'routes',
      text: 'Route tester',
      detail: 'where a request would go; nothing is sent',
      keys: '',
      go: { href: testerHref({}) },
    });
    action('trash', 'Clear recorded requests…', '', '', { kind: 'clear' });
  }
  action('moon', 'Switch between light and dark', '', `${mod} Shift L`, { kind: 'theme' });
  action('keyboard', 'Keyboard shortcuts', '', '?', { kind: 'shortcuts' });
  for (const service of demo?.running === true ? demo.services : []) {
    for (const { address, mode } of service.hosts) {
      const healthy = mode === 'healthy';
      const text = healthy ? `Make ${address} answer 503` : `Make ${address} healthy`;
      action('bolt', text, `demo shop, ${service.name}`, '', {
        kind: 'demo-host',
        address,
        mode: healthy ? '503' : 'healthy',
      });
    }
  }

  for (const routeConfig of core?.routeConfigs ?? []) {
    for (const virtualHost of routeConfig.virtualHosts) {
      for (const route of virtualHost.routes) {
        const href = formatRoute({ screen: 'routes', rest: [], query: { sel: route.id } });
        const detail = route.name === route.match ? virtualHost.name : `${route.match} · ${virtualHost.name}`;
        entries.push({ group: 'Routes', icon: 'routes', text: route.name, detail, keys: '', go: { href } });
      }
    }
  }
  for (const cluster of core?.clusters ?? []) {
    const detail = `${plural(cluster.hosts.length, 'host')} · ${cluster.lbPolicy}`;
    const href = clusterHref(cluster.name);
    entries.push({ group: 'Clusters', icon: 'clusters', text: cluster.name, detail, keys: '', go: { href } });
    for (const host of cluster.hosts) {
      entries.push({
        group: 'Hosts',
        icon: 'target',
        text: host.address,
        detail: `${host.health} · ${cluster.name}`,
        keys: '',
        go: { href },
      });
    }
    if (cluster.source.file !== '') {
      entries.push({
        group: 'Config',
        icon: 'config',
        text: cluster.name,
        detail: `cluster · line ${cluster.source.line}`,
        keys: '',
        go: { href: configHref(cluster.source.line) },
      });
    }
  }
  for (const listener of core?.listeners ?? []) {
    entries.push({
      group: 'Config',
      icon: 'config',
      text: listener.name,
      detail: `listener ${listener.address} · line ${listener.source.line}`,
      keys: '',
      go: { href: configHref(listener.source.line) },
    });
  }
  for (const file of config?.recent ?? []) {
    entries.push({
      group: 'Recent',
      icon: 'file',
      text: file.replace(/^.*[\\/]/, ''),
      detail: file,
      keys: '',
      go: { action: { kind: 'open-recent', file } },
    });
  }
  if (open) {
    for (const { screen, label, icon, keys } of RAIL) {
      entries.push({ group: 'Go to', icon, text: label, detail: '', keys, go: { href: screenHref(screen) } });
    }
  }
  return entries;
}

const PER_GROUP = 5;

/** The filter that a palette text stands for: `:status:5xx` as it is, otherwise a search in the path. */
export function trafficFilterFor(text: string): string {
  if (text.startsWith(':')) return text.slice(1).trim();
  return /^[\w/.-]+$/.test(text) ? `path~"${text}"` : filterValue(text);
}

/**
 * Entries for a text: everything that contains it, at most five a group; things before actions, because changing
 * something must not be what Enter does by surprise. `>` asks for actions alone, no text for actions and screens.
 */
export function searchPalette(entries: readonly PaletteEntry[], typed: string): PaletteEntry[] {
  const text = typed.trim().toLowerCase();
  if (text === '') return entries.filter((e) => e.group === 'Actions' || e.group === 'Go to').slice(0, 16);
  if (text.startsWith('>')) {
    const rest = text.slice(1).trim();
    return entries.filter((e) => e.group === 'Actions' && contains(e, rest));
  }
  if (text.startsWith(':')) return [requestsEntry(typed.trim())];
  const order: readonly PaletteEntry['group'][] = [
    'Routes',
    'Clusters',
    'Hosts',
    'Requests',
    'Config',
    'Recent',
    'Go to',
    'Actions',
  ];
  const found: PaletteEntry[] = [];
  for (const group of order) {
    if (group === 'Requests') found.push(requestsEntry(typed.trim()));
    else found.push(...entries.filter((e) => e.group === group && contains(e, text)).slice(0, PER_GROUP));
  }
  return found;
}

function contains(entry: PaletteEntry, text: string): boolean {
  return `${entry.text} ${entry.detail}`.toLowerCase().includes(text);
}

function requestsEntry(typed: string): PaletteEntry {
  const sequence = /^#(\d+)$/.exec(typed)?.[1];
  if (sequence !== undefined) {
    const href = formatRoute({ screen: 'traffic', rest: [], query: { sel: sequence, tab: 'decision' } });
    return {
      group: 'Requests',
      icon: 'traffic',
      text: `Request ${typed}`,
      detail: '',
      keys: '',
      go: { href },
    };
  }
  const filter = trafficFilterFor(typed);
  return {
    group: 'Requests',
    icon: 'filter',
    text: typed.startsWith(':') ? 'Filter traffic' : `Requests with ${typed} in the path`,
    detail: filter,
    keys: '',
    go: { href: trafficHref(filter) },
  };
}
