import { beforeEach, describe, expect, test } from 'vitest';
import type { CoreEvent } from '../../../../proxy-core/index.ts';
import { type Toast, useCore, useUi } from '../../../../renderer/state/stores.ts';
import { dismissOlder, keptToasts, showToast, toastForEvent } from '../../../../renderer/state/toasts.ts';

function toast(id: string, sticky: boolean): Toast {
  return { id, tone: 'note', title: id, text: '', actions: [], sticky };
}

function event(kind: CoreEvent['kind'], host: string): CoreEvent {
  return {
    seq: 1,
    at: 0,
    kind,
    tone: 'eject',
    text: '',
    cluster: 'service',
    host,
    version: 1,
    detector: 'consecutive_5xx',
    reason: '',
    duration: 30_000,
    count: 1,
  };
}

/** Hosts of the cluster, the ejected ones named. */
function hostsOut(...out: readonly string[]): void {
  const hosts = ['a', 'b', 'c'].map((address) => ({
    address,
    health: out.includes(address) ? 'ejected' : 'healthy',
  }));
  useCore.setState({ core: { clusters: [{ name: 'service', hosts }] } as never });
}

const ids = () => useUi.getState().toasts.map(({ id }) => id);

beforeEach(() => useUi.setState({ toasts: [] }));

describe('which toasts are kept', () => {
  test.each([
    ['few', ['a', 'b!', 'c'], ['a', 'b!', 'c']],
    ['older ones that go by themselves are gone', ['a', 'b', 'c', 'd'], ['b', 'c', 'd']],
    ['older ones that wait are counted', ['a!', 'b', 'c!', 'd', 'e', 'f'], ['a!', 'c!', 'd', 'e', 'f']],
  ])('%s', (_name, names, kept) => {
    const toasts = names.map((name) => toast(name, name.endsWith('!')));
    expect(keptToasts(toasts).map(({ id }) => id)).toEqual(kept);
  });

  test('the older ones are dismissed together', () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) showToast(toast(id, true));
    dismissOlder();
    expect(ids()).toEqual(['c', 'd', 'e']);
  });
});

describe('toasts of ejections', () => {
  test('one per cluster, which stays while a host is out', () => {
    hostsOut('a');
    toastForEvent(event('host-ejected', 'a'));
    hostsOut('a', 'b');
    toastForEvent(event('host-ejected', 'b'));
    expect(useUi.getState().toasts).toMatchObject([
      { id: 'eject:service', title: '2 hosts are ejected from service', sticky: true },
    ]);
  });

  test('when one of them returned it says who is left, and goes by itself', () => {
    hostsOut('a', 'b');
    toastForEvent(event('host-ejected', 'b'));
    hostsOut('b');
    toastForEvent(event('host-returned', 'a'));
    expect(useUi.getState().toasts[0]).toMatchObject({
      id: 'eject:service',
      title: 'b is still ejected from service',
      text: '2 of 3 hosts take the traffic.',
      sticky: false,
    });
  });

  test('when all returned it is gone', () => {
    hostsOut('a');
    toastForEvent(event('host-ejected', 'a'));
    hostsOut();
    toastForEvent(event('host-returned', 'a'));
    expect(ids()).not.toContain('eject:service');
  });
});
