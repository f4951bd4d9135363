/** Which parts a recorded request has. A TCP connection has no message and no headers, only bytes each way. */
import type { RecordRow } from '../../../proxy-core/index.ts';

export type DrawerTab = 'overview' | 'decision' | 'request' | 'response' | 'headers' | 'attempts' | 'log';

export interface TabChoice {
  readonly value: DrawerTab;
  readonly label: string;
}

const HTTP_TABS: readonly TabChoice[] = [
  { value: 'overview', label: 'Overview' },
  { value: 'decision', label: 'Decision' },
  { value: 'request', label: 'Request' },
  { value: 'response', label: 'Response' },
  { value: 'headers', label: 'Headers' },
  { value: 'attempts', label: 'Attempts' },
  { value: 'log', label: 'Log line' },
];

const TCP_TABS: readonly TabChoice[] = [
  { value: 'overview', label: 'Overview' },
  { value: 'decision', label: 'Decision' },
  { value: 'request', label: 'From client' },
  { value: 'response', label: 'From host' },
  { value: 'attempts', label: 'Attempts' },
  { value: 'log', label: 'Log line' },
];

export function isTcp(row: Pick<RecordRow, 'protocol'> | undefined): boolean {
  return row?.protocol === 'TCP';
}

export function tabsOf(row: Pick<RecordRow, 'protocol'> | undefined): readonly TabChoice[] {
  return isTcp(row) ? TCP_TABS : HTTP_TABS;
}

/** The tab that is shown: the wanted one where the request has it, the overview otherwise. */
export function shownTab(
  wanted: string | undefined,
  row: Pick<RecordRow, 'protocol'> | undefined,
): DrawerTab {
  return tabsOf(row).find(({ value }) => value === wanted)?.value ?? 'overview';
}

/** The tab beside one, round and round. */
export function nextTab(tab: DrawerTab, by: 1 | -1, row: Pick<RecordRow, 'protocol'> | undefined): DrawerTab {
  const tabs = tabsOf(row);
  const index = tabs.findIndex(({ value }) => value === tab);
  return tabs[(index + by + tabs.length) % tabs.length]?.value ?? 'overview';
}
