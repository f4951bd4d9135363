import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../../electron/headless/arguments.ts';

const command = (line: string) => {
  const parsed = parseArguments(line.split(' ').filter((word) => word !== ''));
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.command;
};

const problem = (line: string) => {
  const parsed = parseArguments(line.split(' ').filter((word) => word !== ''));
  return 'problem' in parsed ? parsed.problem : null;
};

describe('parseArguments', () => {
  it.each([
    ['-c a.yaml', { kind: 'serve', mode: 'serve', source: { file: 'a.yaml' }, core: { watch: true } }],
    ['-ca.yaml', { kind: 'serve', source: { file: 'a.yaml' } }],
    ['--config-path=a.yaml --mode validate', { kind: 'serve', mode: 'validate' }],
    ['--config-yaml {}', { kind: 'serve', source: { file: null, configYaml: '{}' } }],
    ['-c a --no-watch -l trace', { core: { watch: false, logLevel: 'debug' } }],
    [
      '-c a --drain-time-s 3 --file-flush-interval-msec=50',
      { core: { drainTime: 3000, fileFlushInterval: 50, drainStrategy: 'gradual' } },
    ],
    ['-c a --admin-address-path p --log-path l', { core: { adminAddressPath: 'p', logPath: 'l' } }],
    ['-c a --service-node n --service-cluster s', { source: { serviceNode: 'n', serviceCluster: 's' } }],
    ['ui -c a --port 8000 --no-open', { kind: 'ui', port: 8000, open: false, demo: false }],
    ['-c a', { core: { capture: null } }],
    [
      '--capture 9900 --intercept a.test,*.b.test --intercept c.test --capture-ca ca.pem',
      {
        kind: 'serve',
        source: { file: null, configYaml: null },
        core: { capture: { port: 9900, intercept: ['a.test', '*.b.test', 'c.test'], trust: ['ca.pem'] } },
      },
    ],
    ['ui --capture=0', { kind: 'ui', core: { capture: { port: 0, intercept: [], trust: [] } } }],
    ['ui', { kind: 'ui', port: null, open: true, source: { file: null } }],
    ['demo', { kind: 'ui', demo: true }],
    ['app a.yaml --or-browser', { kind: 'app', orBrowser: true, source: { file: 'a.yaml' } }],
    ['validate a.yaml --format json', { kind: 'validate', format: 'json', source: { file: 'a.yaml' } }],
    ['validate a.yaml --lint --fix', { kind: 'validate', lint: true, fix: true }],
    [
      'route-test -c a.yaml tests.yaml --route-config r --fail-under 80',
      {
        kind: 'route-test',
        tests: 'tests.yaml',
        routeConfig: 'r',
        failUnder: 80,
        source: { file: 'a.yaml' },
      },
    ],
    ['validate -c a.yaml', { kind: 'validate', format: 'text', source: { file: 'a.yaml' } }],
    [
      'explain -c a POST http://h/p -H x:1 -H y:a:b',
      {
        kind: 'explain',
        method: 'POST',
        url: 'http://h/p',
        headers: [
          ['x', '1'],
          ['y', 'a:b'],
        ],
      },
    ],
    ['explain -c a http://h/p', { kind: 'explain', method: 'GET', url: 'http://h/p', draws: 0 }],
    ['explain -c a http://h/p --draws 50', { kind: 'explain', draws: 50 }],
    ['export -c a --to out', { kind: 'export', to: 'out' }],
    ['--help', { kind: 'help' }],
    ['validate -h', { kind: 'help' }],
    ['--version', { kind: 'version' }],
  ])('%s', (line, expected) => {
    expect(command(line)).toMatchObject(expected);
  });

  it('collects clusters by name', () => {
    const { source } = command('-c a --cluster x=127.0.0.1:1,[::1]:2 --cluster y=db.local:3') as {
      source: { clusters: ReadonlyMap<string, readonly string[]> };
    };
    expect([...source.clusters]).toEqual([
      ['x', ['127.0.0.1:1', '[::1]:2']],
      ['y', ['db.local:3']],
    ]);
  });

  it("accepts Envoy's other flags with a notice each", () => {
    const parsed = parseArguments(['-c', 'a', '--concurrency', '2', '--base-id=3', '--use-dynamic-base-id']);
    expect(parsed).toMatchObject({ command: { kind: 'serve', source: { file: 'a' } } });
    expect('notices' in parsed && parsed.notices.map((notice) => notice.split(' ')[0])).toEqual([
      '--concurrency',
      '--base-id',
      '--use-dynamic-base-id',
    ]);
  });

  it.each([
    ['', 'No configuration was given: -c FILE, or attache demo for the demo shop.'],
    ['shop.yaml', 'To serve a file, write: attache -c shop.yaml'],
    ['valdate a', 'There is no command valdate. Did you mean validate?'],
    ['-c a --drain-times 3', 'There is no flag --drain-times. Did you mean --drain-time-s?'],
    ['-c', '-c needs a value.'],
    ['-c a -c b', '--config-path was given 2 times.'],
    ['-c a --mode run', '--mode is serve, validate or init_only, not run.'],
    ['-c a --cluster x', '--cluster takes name=host:port,host:port, not x.'],
    ['-c a --cluster x=h:0', '--cluster takes name=host:port,host:port, not x=h:0.'],
    ['ui --port 70000', '--port takes a whole number up to 65535, not 70000.'],
    ['validate a b', 'There is one argument too many: b'],
    ['explain -c a GET http://h -H nothing', '-H takes "name: value", not "nothing".'],
    ['export -c a', 'export needs the folder to write into: --to DIR.'],
    ['-c a --intercept a.test', '--intercept needs --capture PORT beside it.'],
    ['-c a --capture 70000', '--capture takes a whole number up to 65535, not 70000.'],
    ['-c a --no-watch=1', '--no-watch takes no value.'],
  ])('says what is wrong with: %s', (line, expected) => {
    expect(problem(line)).toBe(expected);
  });

  it('never throws, whatever is typed', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '-c',
        '--cluster',
        '-H',
        'explain',
        'ui',
        '--port',
        '--',
        '-',
        'constructor',
        '--toString',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        const parsed = parseArguments(argv);
        expect('command' in parsed || 'problem' in parsed).toBe(true);
      }),
    );
  });
});
