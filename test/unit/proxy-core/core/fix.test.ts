import { describe, expect, it } from 'vitest';
import { fixConfig } from '../../../../proxy-core/index.ts';

const CLUSTER = `clusters:
- name: c
  connect_timeout: 1sec
  lb_polcy: RANDOM
  load_assignment: { cluster_name: c, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 9001 } } } }] }] }
`;

describe('fixConfig', () => {
  it('makes every proposed edit, the one of the whole text last, until none is left', () => {
    const { text, applied, diagnostics } = fixConfig({ file: 'a.yaml', text: CLUSTER });
    expect(text.split('\n').slice(0, 5)).toEqual([
      'static_resources:',
      '  clusters:',
      '  - name: c',
      '    connect_timeout: 1s',
      '    lb_policy: RANDOM',
    ]);
    expect(applied.map(({ fix }) => fix?.title)).toEqual([
      'Change to 1s',
      'Change to lb_policy',
      'Wrap in static_resources',
    ]);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('leaves a text alone that has nothing to mend', () => {
    const { text } = fixConfig({ file: 'a.yaml', text: CLUSTER });
    expect(fixConfig({ file: 'a.yaml', text })).toMatchObject({ text, applied: [] });
  });

  it('leaves what nobody can mend, and says so', () => {
    const { text, diagnostics } = fixConfig({
      file: 'a.yaml',
      text: 'static_resources: { clusters: [{}] }\n',
    });
    expect(text).toBe('static_resources: { clusters: [{}] }\n');
    expect(diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
  });
});
