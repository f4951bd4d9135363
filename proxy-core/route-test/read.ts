import type { HeaderList } from '../base/headers.ts';
import { isStruct, mergeStructs } from '../base/struct.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { ReadContext } from '../config/read/context.ts';
import { readMessage } from '../config/read/message.ts';
import { MessageReader } from '../config/reader.ts';
import { envoySchema } from '../config/schema/schema.ts';
import { parseText } from '../config/text/parse.ts';
import { compileHeaderMatcher } from '../route/index.ts';
import { Shape } from './shape.ts';
import {
  EXPECTED_TEXTS,
  type ExpectedHeader,
  type RouteTest,
  type RouteTestExpectation,
  type RouteTestInput,
} from './types.ts';

const HEADER_MATCHER = 'envoy.config.route.v3.HeaderMatcher';

/**
 * Reads a file of route tests in YAML or JSON: the format of Envoy's router_check tool
 * (test/tools/router_check/validation.proto, message Validation). Everything wrong is reported at once.
 */
export function readRouteTests(
  file: string,
  text: string,
  ctx: CompileContext,
): { readonly tests: readonly RouteTest[]; readonly diagnostics: readonly Diagnostic[] } {
  const parsed = parseText(file, text);
  const diagnostics = [...parsed.diagnostics];
  if (parsed.root === null) return { tests: [], diagnostics };
  const root = parsed.root;
  if (root.kind !== 'map' || !root.entries.some(({ key }) => key === 'tests')) {
    diagnostics.push({
      code: 'route-test.unreadable',
      severity: 'error',
      message: `${file} holds no list \`tests\`.`,
      path: '',
      range: parsed.source.range(root.start, root.start),
      expected: 'a map with `tests`, as Envoy’s router_check tool reads it',
    });
    return { tests: [], diagnostics };
  }
  const shape = new Shape(root, '', parsed.source, diagnostics);
  const tests = shape.maps('tests').map((one) => readTest(one, ctx));
  // Newer files raise limits of the regular expressions here; ours are Envoy's own and need no raising.
  shape.json('runtime');
  shape.close();
  return { tests, diagnostics };
}

function readTest(shape: Shape, ctx: CompileContext): RouteTest {
  const name = shape.needed('test_name');
  const input = shape.map('input') ?? missing(shape, 'input');
  const expected = shape.map('validate') ?? missing(shape, 'validate');
  const test = {
    name,
    input: readInput(input),
    expected: readExpectation(expected, ctx),
    source: shape.range,
  };
  shape.close();
  return test;
}

/** An empty map in place of one that is not there, so that reading can go on. */
function missing(shape: Shape, key: string): Shape {
  shape.report(shape.node, key, `${shape.path}.${key} is needed.`, 'a map');
  return new Shape({ ...shape.node, entries: [] }, `${shape.path}.${key}`, shape.source, []);
}

function readInput(shape: Shape): RouteTestInput {
  const input = {
    authority: shape.needed('authority'),
    path: shape.needed('path'),
    method: shape.needed('method'),
    random: shape.whole('random_value') ?? 0,
    tls: shape.bool('ssl'),
    internal: shape.bool('internal'),
    runtime: shape.string('runtime') ?? '',
    requestHeaders: readHeaders(shape, 'additional_request_headers'),
    responseHeaders: readHeaders(shape, 'additional_response_headers'),
    metadata: readMetadata(shape),
  };
  shape.close();
  return input;
}

function readHeaders(shape: Shape, key: string): HeaderList {
  const headers: HeaderList = [];
  for (const header of shape.maps(key)) {
    headers.push(header.needed('key').toLowerCase(), header.string('value') ?? '');
    header.close();
  }
  return headers;
}

/** As the set_metadata filter would put them: a namespace that is there stays, unless `allow_overwrite` merges into it. */
function readMetadata(shape: Shape): RouteTestInput['metadata'] {
  const metadata = new Map<string, Readonly<Record<string, unknown>>>();
  for (const one of shape.maps('dynamic_metadata')) {
    const namespace = one.needed('metadata_namespace');
    const overwrite = one.bool('allow_overwrite');
    const value = one.json('value');
    one.close();
    if (!isStruct(value)) continue;
    const before = metadata.get(namespace);
    if (before === undefined) metadata.set(namespace, { ...value });
    else if (overwrite) metadata.set(namespace, mergeStructs(before, value));
  }
  return metadata;
}

function readExpectation(shape: Shape, ctx: CompileContext): RouteTestExpectation {
  const texts = new Map<(typeof EXPECTED_TEXTS)[number], string>();
  for (const key of EXPECTED_TEXTS) {
    const text = shape.string(key);
    if (text !== undefined) texts.set(key, text);
  }
  const expected = {
    texts,
    redirectCode: shape.whole('code_redirect') ?? null,
    metadata: shape.maps('route_metadata').map((one) => {
      const wanted = {
        namespace: one.needed('namespace'),
        key: one.needed('key'),
        value: one.string('value') ?? '',
      };
      one.close();
      return wanted;
    }),
    requestHeaders: readHeaderExpectations(shape, 'request', ctx),
    responseHeaders: readHeaderExpectations(shape, 'response', ctx),
  };
  shape.close();
  return expected;
}

function readHeaderExpectations(
  shape: Shape,
  side: 'request' | 'response',
  ctx: CompileContext,
): ExpectedHeader[] {
  const expected: ExpectedHeader[] = [];
  for (const one of shape.maps(`${side}_header_matches`)) {
    expected.push(headerMatch(`${side}_header_matches`, one, ctx));
  }
  // The older form: the value, exactly; an empty one means that the header is not there.
  for (const one of shape.maps(`${side}_header_fields`)) {
    const name = one.needed('key');
    const value = one.string('value') ?? '';
    one.close();
    const matcher = value === '' ? { name, present_match: false } : { name, string_match: { exact: value } };
    const text = JSON.stringify(matcher);
    const parsed = parseText('fields.json', text);
    if (parsed.root?.kind !== 'map') continue;
    const plain = new Shape(parsed.root, one.path, parsed.source, shape.diagnostics);
    expected.push(headerMatch(`${side}_header_fields`, plain, ctx));
  }
  return expected;
}

function headerMatch(kind: string, shape: Shape, ctx: CompileContext): ExpectedHeader {
  const schema = envoySchema().message(HEADER_MATCHER);
  if (schema === undefined) throw new Error(`The schema lacks ${HEADER_MATCHER}`);
  const context = new ReadContext(envoySchema(), shape.source, false);
  const reader = new MessageReader(readMessage(context, schema, shape.node, shape.path));
  shape.diagnostics.push(...context.diagnostics);
  const matcher = compileHeaderMatcher(reader, ctx);
  return { kind, name: matcher.name, matcher };
}
