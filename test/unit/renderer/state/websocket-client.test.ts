import { describe, expect, test } from 'vitest';
import {
  createWebSocketClient,
  type SocketLike,
  takeToken,
} from '../../../../renderer/state/websocket-client.ts';

class FakeSocket implements SocketLike {
  readonly sent: { id: number; call: string; args?: unknown }[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { readonly code: number }) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.onclose?.({ code: 1006 });
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

function setUp() {
  const sockets: FakeSocket[] = [];
  const delays: number[] = [];
  const waiting: (() => void)[] = [];
  const states: boolean[] = [];
  let refused = 0;
  const client = createWebSocketClient({
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    backoff: [10, 20],
    onRefused: () => {
      refused += 1;
    },
    setTimeout: (run, milliseconds) => {
      delays.push(milliseconds);
      waiting.push(run);
    },
  });
  client.onConnection((connected) => states.push(connected));
  return {
    client,
    states,
    delays,
    socket: () => sockets.at(-1) as FakeSocket,
    reconnect: () => waiting.pop()?.(),
    refused: () => refused,
  };
}

describe('calls', () => {
  test('wait for the socket and get their own answer', async () => {
    const { client, socket } = setUp();
    const paused = client.call('records.pause', { paused: true });
    const state = client.call('state.get', undefined);
    expect(socket().sent).toEqual([]);
    socket().onopen?.();
    expect(socket().sent).toEqual([
      { id: 1, call: 'records.pause', args: { paused: true } },
      { id: 2, call: 'state.get' },
    ]);
    socket().say({ id: 2, result: { version: 7 } });
    socket().say({ id: 1 });
    expect(await state).toEqual({ version: 7 });
    expect(await paused).toBeUndefined();
  });

  test('an error has its code and message', async () => {
    const { client, socket } = setUp();
    socket().onopen?.();
    const call = client.call('config.openDialog', undefined);
    socket().say({ id: 1, error: { code: 'not-supported', message: 'A browser has no dialog.' } });
    await expect(call).rejects.toMatchObject({ code: 'not-supported', message: 'A browser has no dialog.' });
  });

  test('those under way when the socket goes are refused, those not sent yet are kept', async () => {
    const { client, socket, reconnect } = setUp();
    socket().onopen?.();
    const under = client.call('state.get', undefined);
    socket().close();
    const later = client.call('state.get', undefined);
    await expect(under).rejects.toMatchObject({ code: 'transport.lost' });
    reconnect();
    socket().onopen?.();
    expect(socket().sent.map((frame) => frame.id)).toEqual([2]);
    socket().say({ id: 2, result: 'here' });
    expect(await later).toBe('here');
  });

  test('answers to nobody and half-known frames are ignored', () => {
    const { socket } = setUp();
    socket().onopen?.();
    expect(() => {
      socket().say({ id: 99, result: 1 });
      socket().say({ event: 'demo', payload: {} });
    }).not.toThrow();
  });
});

test('events reach their listeners until they leave', () => {
  const { client, socket } = setUp();
  const seen: unknown[] = [];
  const leave = client.on('process', (stats) => seen.push(stats));
  socket().onopen?.();
  socket().say({ event: 'process', payload: { rssBytes: 1 } });
  leave();
  socket().say({ event: 'process', payload: { rssBytes: 2 } });
  expect(seen).toEqual([{ rssBytes: 1 }]);
});

test('connects again with growing pauses and says how it stands', () => {
  const { socket, states, delays, reconnect } = setUp();
  socket().onopen?.();
  socket().close();
  reconnect();
  socket().close();
  reconnect();
  socket().close();
  reconnect();
  socket().onopen?.();
  socket().close();
  expect(delays).toEqual([10, 20, 20, 10]);
  expect(states).toEqual([true, false, true, false]);
});

test('a first connection that fails is reported once', () => {
  const { socket, states, reconnect } = setUp();
  socket().close();
  reconnect();
  socket().close();
  expect(states).toEqual([false]);
});

test('a refused token is not tried again', () => {
  const { socket, delays, refused } = setUp();
  socket().onclose?.({ code: 4401 });
  expect([delays, refused()]).toEqual([[], 1]);
});

describe('takeToken', () => {
  function page(url: string, stored: string | null = null) {
    const { pathname, search, hash } = new URL(url);
    const kept = new Map(stored === null ? [] : [['attache-token', stored]]);
    let shown = '';
    const token = takeToken(
      { pathname, search, hash } as Location,
      { replaceState: (_state: unknown, _title: string, to: string) => (shown = to) } as unknown as History,
      {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => kept.set(key, value),
      } as unknown as Storage,
    );
    return { token, kept: kept.get('attache-token'), shown };
  }

  test.each([
    ['http://x/#token=abc', null, { token: 'abc', kept: 'abc', shown: '/' }],
    [
      'http://x/?token=abc&theme=dark#/traffic',
      null,
      { token: 'abc', kept: 'abc', shown: '/?theme=dark#/traffic' },
    ],
    ['http://x/#/traffic?q=a', 'old', { token: 'old', kept: 'old', shown: '' }],
    ['http://x/', null, { token: '', kept: undefined, shown: '' }],
    ['http://x/#token=new', 'old', { token: 'new', kept: 'new', shown: '/' }],
  ])('%s', (url, stored, expected) => expect(page(url, stored)).toEqual(expected));
});
