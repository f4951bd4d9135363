import type { CoreEvent } from '../../proxy-core/index.ts';
import { failureText } from './call-failed.ts';
import { formatSetting } from './format.ts';
import { clusterHref, trafficHref } from './router.ts';
import { type Toast, useCore, useUi } from './stores.ts';

/** How long a toast stays when it is not sticky. */
export const TOAST_TIME = 6000;

let nextToast = 1;

/** More would cover what is worked with. */
export const SHOWN_TOASTS = 3;
const MOST_TOASTS = 50;

/** The newest are kept; of the older ones, which only are counted, those that wait to be dismissed. */
export function keptToasts(toasts: readonly Toast[]): readonly Toast[] {
  const newest = toasts.length - SHOWN_TOASTS;
  return toasts.filter(({ sticky }, index) => sticky || index >= newest).slice(-MOST_TOASTS);
}

/** Dismisses those that are only counted. */
export function dismissOlder(): void {
  useUi.setState(({ toasts }) => ({ toasts: toasts.slice(-SHOWN_TOASTS) }));
}

/** Shows a toast; one with the same id is replaced. */
export function showToast(toast: Omit<Toast, 'id'> & { readonly id?: string }): void {
  const id = toast.id ?? `toast-${nextToast++}`;
  useUi.setState(({ toasts }) => ({
    toasts: keptToasts([...toasts.filter((shown) => shown.id !== id), { ...toast, id }]),
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
      const out = cluster?.hosts.filter((h) => h.health === 'ejected' && h.address !== event.host) ?? [];
      if (out.length === 0) dismissToast(`eject:${event.cluster}`);
      else
        settleEjection(
          event.cluster,
          out.map((h) => h.address),
          cluster?.hosts.length ?? 0,
        );
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

/** A host came back and others are still out: the toast says who, and goes by itself. */
function settleEjection(cluster: string, out: readonly string[], hosts: number): void {
  const id = `eject:${cluster}`;
  const rest = hosts - out.length;
  useUi.setState(({ toasts }) => ({
    toasts: toasts.map((toast) =>
      toast.id !== id
        ? toast
        : {
            ...toast,
            title:
              out.length === 1
                ? `${out[0]} is still ejected from ${cluster}`
                : `${out.length} hosts are still ejected from ${cluster}`,
            text: `${rest} of ${hosts} hosts take the traffic.`,
            sticky: false,
          },
    ),
  }));
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
