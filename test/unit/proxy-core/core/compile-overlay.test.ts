import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../proxy-core/config/load.ts';
import { type Compilation, compileBootstrap } from '../../../../proxy-core/core/compile.ts';
import type { Overlay } from '../../../../proxy-core/index.ts';
import { StatsStore } from '../../../../proxy-core/observe/index.ts';

const listener = (name: string, more = ''): string =>
  `static_resources: { listeners: [{ name: ${name}, address: { socket_address: { address: 127.0.0.1, port_value: 0 } }, filter_chains: [{ filters: []${more} }] }] }`;
const TLS = `, transport_socket: { name: t, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext } }`;

function compile(text: string, overlay: Overlay): Compilation {
  const loaded = loadConfig({ file: 'test.yaml', text, overlay });
  return compileBootstrap(loaded, { serving: false, stats: new StatsStore(), logFiles: null });
}

const names = ({ bootstrap }: Compilation) => bootstrap?.listeners.map(({ name }) => name);
const leafFor = (): never => {
  throw new Error('not asked for while compiling');
};

describe('an overlay', () => {
  test('adds listeners behind those of the configuration', () => {
    expect(names(compile(listener('web'), { text: listener('extra') }))).toEqual(['web', 'extra']);
  });

  test('has no say in what is wrong with the configuration', () => {
    const { bootstrap, diagnostics } = compile('static_resources: { x: 1 }', { text: listener('extra') });
    expect(bootstrap).toBeNull();
    expect(diagnostics.map(({ range }) => range.file)).toEqual(['test.yaml']);
  });

  test('that is wrong is told, and is in no file', () => {
    const { bootstrap, diagnostics } = compile(listener('web'), { text: 'static_resources: { x: 1 }' });
    expect(bootstrap).toBeNull();
    expect(diagnostics.map(({ range, severity }) => [range.file, severity])).toEqual([['', 'error']]);
  });

  test('may leave certificates to be made; a configuration may not', () => {
    const overlay: Overlay = { text: listener('extra', TLS), leafFor };
    expect(names(compile(listener('web'), overlay))).toEqual(['web', 'extra']);
    expect(compile(listener('web', TLS), overlay).diagnostics.map(({ code }) => code)).toEqual([
      'tls.no-certificates',
    ]);
    expect(compile(listener('web'), { text: overlay.text }).bootstrap).toBeNull();
  });
});
