/** What is known of a recorded request that a test can be made of. */
export interface RecordedRoute {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly tls: boolean;
  readonly internal: boolean;
  readonly random: number;
  /** Flat name-value list, as received. */
  readonly headers: readonly string[];
  /** Empty for a request that went to no cluster. */
  readonly virtualHost: string;
  readonly cluster: string;
  /** Status of a route that answers by itself, null otherwise. */
  readonly answer: number | null;
  /** The draw had a say. */
  readonly drawn: boolean;
}

/** Headers that no test needs: set by each client anew, or secret, or expressed by fields of their own. */
const LEFT_OUT =
  /^(accept.*|authorization|connection|content-length|cookie|date|expect|host|keep-alive|priority|proxy-.*|sec-.*|te|trailer|transfer-encoding|upgrade.*|user-agent|x-envoy-internal|x-forwarded-.*|x-request-id)$/;

/**
 * Tests, in YAML, that hold recorded requests to where they went: same method, host, path and route give one test.
 * Headers that only clients care about are left out, secrets first of all.
 */
export function writeRouteTests(recorded: readonly RecordedRoute[]): string {
  const tests = new Map<string, string>();
  for (const one of recorded) {
    const key = JSON.stringify([one.method, one.authority, one.path, one.tls, one.virtualHost, one.cluster]);
    if (!tests.has(key)) tests.set(key, testText(one));
  }
  return tests.size === 0 ? 'tests: []\n' : `tests:\n${[...tests.values()].join('')}`;
}

function testText(one: RecordedRoute): string {
  const lines = [
    `- test_name: ${quoted(`${one.method} ${one.authority}${one.path}`)}`,
    '  input:',
    `    authority: ${quoted(one.authority)}`,
    `    path: ${quoted(one.path)}`,
    `    method: ${quoted(one.method)}`,
  ];
  if (one.tls) lines.push('    ssl: true');
  if (one.internal) lines.push('    internal: true');
  if (one.drawn) lines.push(`    random_value: ${one.random}`);
  const headers: string[] = [];
  for (let i = 0; i + 1 < one.headers.length; i += 2) {
    const name = one.headers[i] ?? '';
    if (LEFT_OUT.test(name) || name.startsWith(':')) continue;
    headers.push(`    - { key: ${quoted(name)}, value: ${quoted(one.headers[i + 1] ?? '')} }`);
  }
  if (headers.length > 0) lines.push('    additional_request_headers:', ...headers);
  lines.push(
    '  validate:',
    `    virtual_host_name: ${quoted(one.virtualHost)}`,
    `    cluster_name: ${quoted(one.cluster)}`,
  );
  if (one.answer !== null) lines.push(`    code_redirect: ${one.answer}`);
  return `${lines.join('\n')}\n`;
}

/** A JSON string is a YAML string too. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
