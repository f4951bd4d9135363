import type { CoreEvent } from '../../proxy-core/index.ts';
import { failureText } from './call-failed.ts';
import { formatSetting } from './format.ts';
import { clusterHref, trafficHref } from './router.ts';
import { type Toast, useCore, useUi } from './stores.ts';

/** How long a toast stays when it is not sticky. */
export const TOAST_TIME = 6000;

let nextToast = 1;

/** Shows a toast; one with the same id is replaced. */
export function showToast(toast: Omit<Toast, 'id'> & { readonly id?: string }): void {
  const id = toast.id ?? `toast-${nextToast++}`;
  useUi.setState(({ toasts }) => ({
    toasts: [...toasts.filter((shown) => shown.id !== id), { ...toast, id }].slice(-5),
  }));
}

export function dismissToast(id: string): void {
  useUi.setState(({ toasts }) => ({ toasts: toasts.filter((shown) => shown.id !== id) }));
}

export function showFailure(title: string, error: unknown): void {
  showToast({ tone: 'err', title, text: failureText(error), actions: [], sticky: false });
}

/** Ejections stay and there is one per cluster; the other events show for six seconds, or not at all. */
export function toastForEvent(event: CoreEvent): void {
  switch (event.kind) {
    case 'host-ejected':
      // Whoever did it by hand is told where it was done, with a way back.
      if (event.detector !== 'manual') showToast(ejectionToast(event));
      return;
    case 'host-returned': {
      const cluster = useCore.getState().core?.clusters.find(({ name }) => name === event.cluster);
      const others = cluster?.hosts.some((h) => h.health === 'ejected' && h.address !== event.host) ?? false;
      if (!others) dismissToast(`eject:${event.cluster}`);
      if (event.detector === 'manual') return;
      showToast({
        tone: 'ok',
        title: `${event.host} is back in ${event.cluster}`,
        text: event.text,
        actions: [{ label: 'Show timeline', href: clusterHref(event.cluster) }],
        sticky: false,
      });
      return;
    }
    case 'config-applied':
      showToast({
        tone: 'ok',
        title: `v${event.version} is running`,
        text: event.text,
        actions: [],
        sticky: false,
      });
      return;
    case 'listener-recovered':
      showToast({
        tone: 'ok',
        title: 'A listener is up again',
        text: event.text,
        actions: [],
        sticky: false,
      });
      return;
    case 'dns-failed':
    case 'endpoints-refused':
      showToast({
        id: `dns:${event.cluster}`,
        tone: 'warn',
        title: `No addresses for ${event.cluster}`,
        text: event.text,
        actions: [],
        sticky: false,
      });
      return;
    case 'log-failed':
      showToast({
        id: 'log',
        tone: 'warn',
        title: 'An access log is not written',
        text: event.text,
        actions: [],
        sticky: true,
      });
      return;
    case 'certificate-rejected':
      showToast({
        id: 'certificate',
        tone: 'warn',
        title: 'A new certificate was not taken',
        text: event.text,
        actions: [],
        sticky: true,
      });
      return;
    case 'service-failed':
      showToast({
        id: `service:${event.cluster}`,
        tone: 'warn',
        title: `No answer from ${event.cluster}`,
        text: event.text,
        actions: [],
        sticky: false,
      });
      return;
    // Shown in place: as banners, in the lists, on the time axes.
    case 'config-rejected':
    case 'certificate-replaced':
    case 'listener-failed':
    case 'host-not-ejected':
    case 'host-health':
    case 'cluster-resolved':
    case 'service-recovered':
    case 'demo':
      return;
  }
}

function ejectionToast(event: CoreEvent): Toast {
  const cluster = useCore.getState().core?.clusters.find(({ name }) => name === event.cluster);
  const hosts = cluster?.hosts ?? [];
  const out = hosts.filter((h) => h.health === 'ejected' || h.address === event.host);
  const rest = hosts.length - out.length;
  const title =
    out.length > 1
      ? `${out.length} hosts are ejected from ${event.cluster}`
      : `${event.host} ejected from ${event.cluster}`;
  const share =
    hosts.length === 0
      ? ''
      : ` ${rest} of ${hosts.length} ${hosts.length === 1 ? 'host takes' : 'hosts take'} the traffic.`;
  return {
    id: `eject:${event.cluster}`,
    tone: 'eject',
    title,
    text: `${event.detector === '' ? 'Outlier detection' : event.detector} · ejection #${event.count} in a row · ${formatSetting(event.duration)}.${share}`,
    actions: [
      { label: 'Show timeline', href: clusterHref(event.cluster) },
      { label: 'Show its errors', href: trafficHref(`upstream:${event.host} status:5xx`) },
    ],
    sticky: true,
  };
}
