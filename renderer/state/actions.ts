/** What the user can do from several places. Failures become a toast, so callers need not handle them. */
import type { DemoHostMode } from '../../electron/ipc/contract.ts';
import { getClient } from './client.ts';
import { formatBytes, formatCount } from './format.ts';
import { publishRows, takeDemo } from './session.ts';
import { rowRing, type UiSlice, useApp, useConfig, useDemo, useRows, useUi } from './stores.ts';
import { showFailure, showToast } from './toasts.ts';

export function openLayer(layer: UiSlice['layer']): void {
  useUi.setState({ layer });
}

export function closeLayer(): void {
  useUi.setState({ layer: 'none' });
}

export function dismissBanner(id: string): void {
  useUi.setState(({ dismissed }) => ({ dismissed: new Set(dismissed).add(id) }));
}

/** The native dialog on the desktop; a browser has none, so there the path is typed. */
export async function chooseConfig(): Promise<void> {
  if (useApp.getState().info?.shell !== 'desktop') {
    openLayer('open-file');
    return;
  }
  try {
    const config = await getClient().call('config.openDialog', undefined);
    if (config !== null) useConfig.setState({ config });
  } catch (error) {
    showFailure('The configuration was not opened', error);
  }
}

/** Throws CallFailed, so that a dialog can show why in place. */
export async function openConfig(file: string): Promise<void> {
  useConfig.setState({ config: await getClient().call('config.open', { file }) });
}

export async function openRecent(file: string): Promise<void> {
  try {
    await openConfig(file);
  } catch (error) {
    showFailure(`${file} was not opened`, error);
  }
}

export async function startDemo(): Promise<void> {
  try {
    useDemo.setState({ demo: await getClient().call('demo.start', undefined) });
  } catch (error) {
    showFailure('The demo shop did not start', error);
  }
}

export async function setDemoRate(rate: number): Promise<void> {
  try {
    useDemo.setState({ demo: await getClient().call('demo.rate', { rate }) });
  } catch (error) {
    showFailure('The rate was not changed', error);
  }
}

export async function setDemoHost(address: string, mode: DemoHostMode): Promise<void> {
  try {
    takeDemo(await getClient().call('demo.host', { address, mode }));
  } catch (error) {
    showFailure(`${address} was not changed`, error);
  }
}

/** Takes a host out by hand or takes it back; nobody is asked first, the toast takes it back again. */
export async function setHostEjected(cluster: string, address: string, ejected: boolean): Promise<void> {
  try {
    await getClient().call(ejected ? 'hosts.eject' : 'hosts.uneject', { cluster, address });
    showToast({
      id: `by-hand:${cluster} ${address}`,
      tone: ejected ? 'eject' : 'ok',
      title: ejected ? `You ejected ${address} from ${cluster}` : `You took ${address} back into ${cluster}`,
      text: ejected
        ? 'It gets no traffic until you take it back.'
        : 'It gets traffic again; its counts of failures start at 0.',
      actions: [{ label: 'Undo', run: () => void setHostEjected(cluster, address, !ejected) }],
      sticky: false,
    });
  } catch (error) {
    showFailure(ejected ? `${address} was not ejected` : `${address} was not taken back`, error);
  }
}

export async function setRecordingPaused(paused: boolean): Promise<void> {
  try {
    await getClient().call('records.pause', { paused });
    const { recorder } = useRows.getState();
    if (recorder !== null) useRows.setState({ recorder: { ...recorder, recording: !paused } });
  } catch (error) {
    showFailure(paused ? 'Recording was not paused' : 'Recording was not resumed', error);
  }
}

export async function clearRecords(): Promise<void> {
  const { recorder } = useRows.getState();
  try {
    const { freedBytes } = await getClient().call('records.clear', undefined);
    rowRing.clear();
    if (recorder !== null)
      publishRows(0, { ...recorder, records: 0, bytes: 0, firstSeq: recorder.lastSeq + 1 });
    showToast({
      tone: 'ok',
      title: `${formatCount(recorder?.records ?? 0)} recorded requests are cleared`,
      text: `${formatBytes(freedBytes)} is free again.`,
      actions: [],
      sticky: false,
    });
  } catch (error) {
    showFailure('The requests were not cleared', error);
  }
}

/** Requests that route tests are made of at most; same kinds of requests make one test. */
const ROUTE_TEST_REQUESTS = 2_000;

/** Puts route tests of the requests that pass `filter` on the clipboard. */
export async function copyRouteTests(filter: string): Promise<void> {
  try {
    const { text, tests } = await getClient().call('records.routeTests', {
      filter,
      limit: ROUTE_TEST_REQUESTS,
    });
    await navigator.clipboard.writeText(text);
    showToast({
      tone: 'ok',
      title: tests === 1 ? 'Copied 1 route test' : `Copied ${formatCount(tests)} route tests`,
      text: 'Save them to a file and run: attache route-test -c CONFIG FILE',
      actions: [],
      sticky: false,
    });
  } catch (error) {
    showFailure('No route tests were copied', error);
  }
}
