import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseArguments } from '../../../../../electron/headless/arguments.ts';
import { routeTest } from '../../../../../electron/headless/commands/route-test.ts';
import { validate } from '../../../../../electron/headless/commands/validate.ts';

const ROUTES = `virtual_hosts:
- name: shop
  domains: ["*"]
  routes:
  - { match: { prefix: /inventory }, route: { cluster: inventory } }
  - { match: { prefix: / }, route: { cluster: shop } }
`;

const TESTS = `tests:
- test_name: inventory
  input: { authority: shop.test, path: /inventory/1, method: GET }
  validate: { cluster_name: inventory }
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(line: string): Promise<{ code: number; out: string; error: string }> {
  const parsed = parseArguments(line.split(' ').map((word) => word.replace('DIR', folder)));
  if ('problem' in parsed) throw new Error(parsed.problem);
  const written = { out: '', error: '' };
  const terminal = {
    out: (text: string) => {
      written.out += text;
    },
    error: (text: string) => {
      written.error += text;
    },
  };
  const { command } = parsed;
  if (command.kind !== 'route-test' && command.kind !== 'validate') throw new Error(command.kind);
  const code = await (command.kind === 'validate'
    ? validate(command, terminal)
    : routeTest(command, terminal));
  const { out, error } = written;
  return { code, out: out.replaceAll(folder, 'DIR'), error: error.replaceAll(folder, 'DIR') };
}

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

describe('attache route-test', () => {
  beforeEach(() => {
    write('routes.yaml', ROUTES);
    write('tests.yaml', TESTS);
  });

  it('says what passed and which routes have no test', async () => {
    expect(await run('route-test -c DIR/routes.yaml DIR/tests.yaml')).toEqual({
      code: 0,
      error: '',
      out: `✓ inventory
1 of 2 routes were taken by a test that passed (50 %). Without a test:
    shop: prefix /  [DIR/routes.yaml:6]
1 passed, 0 failed
`,
    });
  });

  it('shows what differed, and why the request went where it went', async () => {
    write('tests.yaml', TESTS.replace('path: /inventory', 'path: /stock'));
    const { code, out } = await run('route-test -c DIR/routes.yaml DIR/tests.yaml');
    expect(code).toBe(1);
    expect(out).toContain(
      '✗ inventory  [DIR/tests.yaml:2]\n    cluster_name: expected “inventory”, was “shop”',
    );
    expect(out).toContain('path is /stock/1, prefix /inventory wanted');
    expect(out).toContain('0 passed, 1 failed');
  });

  it('fails when fewer routes are covered than asked for', async () => {
    const { code, out } = await run('route-test -c DIR/routes.yaml DIR/tests.yaml --fail-under 51');
    expect(code).toBe(1);
    expect(out).toContain('less than the 51 %');
  });

  it.each([
    [
      'tests',
      'tests.yaml',
      'tests: [{ test_nme: a }]',
      'DIR/tests.yaml:1:11 error: There is no field test_nme here. Did you mean test_name?',
    ],
    ['the configuration', 'routes.yaml', 'virtual_hosts: [{ nam: a }]', 'no field “nam”'],
  ])('says what is wrong with %s', async (_what, name, text, expected) => {
    write(name, `${text}\n`);
    const { code, error } = await run('route-test -c DIR/routes.yaml DIR/tests.yaml');
    expect(code).toBe(1);
    expect(error).toContain(expected);
  });

  it('writes JSON', async () => {
    const { out } = await run('route-test -c DIR/routes.yaml DIR/tests.yaml --format json');
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      report: { results: [{ name: 'inventory', failures: [] }] },
    });
  });

  it('says which file is missing', async () => {
    expect((await run('route-test -c DIR/routes.yaml DIR/none.yaml')).error).toContain(
      'there is no such file',
    );
  });
});

describe('attache validate --fix and --lint', () => {
  const CLUSTER = `static_resources:
  clusters:
  - name: c
    connect_timeout: 1sec
    hosts: [{ socket_address: { address: 127.0.0.1, port_value: 80 } }]
`;

  it('writes the mended file and says what was done', async () => {
    write('a.yaml', CLUSTER);
    const { code, out } = await run('validate DIR/a.yaml --fix');
    expect(out).toContain('DIR/a.yaml:4: Change to 1s\nDIR/a.yaml:5: Change to load_assignment\n');
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).toContain(
      'connect_timeout: 1s\n    load_assignment:\n',
    );
  });

  it('leaves a file alone that has nothing to mend', async () => {
    const text = 'static_resources: {}\n';
    write('a.yaml', text);
    expect((await run('validate DIR/a.yaml --fix')).out).toBe('DIR/a.yaml: valid\n');
    expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).toBe(text);
  });

  it('takes warnings as failures when linting', async () => {
    write('a.yaml', `${CLUSTER.replace('1sec', '1s')}`);
    await run('validate DIR/a.yaml --fix');
    write('b.yaml', `${readFileSync(join(folder, 'a.yaml'), 'utf8')}    connect_timeout: 2s\n`);
    expect((await run('validate DIR/b.yaml')).code).toBe(0);
    expect((await run('validate DIR/b.yaml --lint')).code).toBe(1);
  });
});
