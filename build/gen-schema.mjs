// Builds build/out/gen/envoy-schema.binpb, a FileDescriptorSet with the whole Envoy v3 API, from the protos that
// ship in @grpc/grpc-js-xds. Nothing of it is committed. Works without a network: all imports are local files.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** Raise it when this recipe changes, so that existing outputs are made again. */
const RECIPE = 2;

const OUTPUT = join(root, 'build/out/gen/envoy-schema.binpb');
const STAMP = join(root, 'build/out/gen/envoy-schema.stamp');

/**
 * Imports that the package lacks and that the API needs for something of use: the values of OpenTelemetry, which
 * its access logger's settings are made of.
 */
const ADDED = {
  'opentelemetry/proto/common/v1/common.proto': `syntax = "proto3";
package opentelemetry.proto.common.v1;
message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    ArrayValue array_value = 5;
    KeyValueList kvlist_value = 6;
    bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue {
  string key = 1;
  AnyValue value = 2;
}
`,
};

/**
 * Generates the schema unless it is there and made by the same versions.
 * @returns {{ file: string, built: boolean }}
 */
export function generateSchema() {
  const stamp = `${packageVersion('@grpc/grpc-js-xds')} ${packageVersion('@bufbuild/buf')} ${RECIPE}\n`;
  if (existsSync(OUTPUT) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) {
    return { file: OUTPUT, built: false };
  }
  const work = mkdtempSync(join(tmpdir(), 'attache-schema-'));
  try {
    const deps = join(packageFolder('@grpc/grpc-js-xds'), 'deps');
    const sources = collectSources([
      join(deps, 'envoy-api'),
      join(deps, 'xds'),
      join(deps, 'googleapis'),
      join(deps, 'protoc-gen-validate'),
    ]);
    for (const [name, text] of Object.entries(ADDED)) {
      const file = join(work, 'added', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      if (!sources.has(name)) sources.set(name, file);
    }
    const chosen = chooseFiles(sources);
    const tree = join(work, 'protos');
    for (const name of chosen) {
      const target = join(tree, name);
      mkdirSync(dirname(target), { recursive: true });
      if (name === 'validate/validate.proto') writeFileSync(target, patchedRules(sources.get(name)));
      else cpSync(sources.get(name), target);
    }
    writeFileSync(join(tree, 'buf.yaml'), 'version: v1\n');
    const made = join(work, 'schema.binpb');
    runBuf(['build', tree, '--exclude-source-info', '--as-file-descriptor-set', '-o', made], work);
    mkdirSync(dirname(OUTPUT), { recursive: true });
    const staged = `${OUTPUT}.${process.pid}`;
    cpSync(made, staged);
    renameSync(staged, OUTPUT);
    writeFileSync(STAMP, stamp);
    return { file: OUTPUT, built: true };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function packageFolder(name) {
  return dirname(require.resolve(`${name}/package.json`, { paths: [root] }));
}

function packageVersion(name) {
  return JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8')).version;
}

/** Import path → file, over all folders that protos are imported from. */
function collectSources(folders) {
  const sources = new Map();
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true })) {
      const file = join(folder, entry);
      if (entry.endsWith('.proto') && statSync(file).isFile()) {
        sources.set(relative(folder, file).replaceAll('\\', '/'), file);
      }
    }
  }
  return sources;
}

/** The v3 files of the API and all that they import; a file whose imports are not in the package is left out. */
function chooseFiles(sources) {
  const imports = new Map();
  for (const [name, file] of sources) {
    imports.set(
      name,
      [...readFileSync(file, 'utf8').matchAll(/^import\s+(?:public\s+|weak\s+)?"([^"]+)"/gm)]
        .map((match) => match[1])
        .filter((name) => !name.startsWith('google/protobuf/')),
    );
  }
  const broken = new Set();
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, list] of imports) {
      if (!broken.has(name) && list.some((wanted) => !imports.has(wanted) || broken.has(wanted))) {
        broken.add(name);
        changed = true;
      }
    }
  }
  const chosen = new Set();
  const visit = (name) => {
    if (chosen.has(name)) return;
    chosen.add(name);
    for (const wanted of imports.get(name)) visit(wanted);
  };
  for (const name of imports.keys()) {
    const current = /^(envoy|xds|udpa)\//.test(name) && !/\/v2|\/v1alpha|\/v2alpha/.test(name);
    if (current && !broken.has(name) && !frozen(sources.get(name))) visit(name);
  }
  return [...chosen].sort();
}

/** v2 files outside a `v2` folder say so themselves. */
function frozen(file) {
  return /package_version_status\s*=\s*FROZEN/.test(readFileSync(file, 'utf8'));
}

/** The bundled rules are older than the API files that use them: StringRules lacks `ignore_empty`. */
function patchedRules(file) {
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf('message StringRules {');
  const end = text.indexOf('\n}', start);
  if (start < 0 || end < 0) throw new Error(`${file}: StringRules not found`);
  if (text.slice(start, end).includes('ignore_empty')) return text;
  return `${text.slice(0, end)}\n  optional bool ignore_empty = 26;${text.slice(end)}`;
}

function runBuf(args, work) {
  const bin = join(packageFolder('@bufbuild/buf'), 'bin/buf');
  const result = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    cwd: work,
    env: { ...process.env, BUF_CACHE_DIR: join(work, 'cache'), HOME: work },
  });
  if (result.status !== 0) {
    throw new Error(`buf build ended with ${result.status}: ${result.stderr || result.error?.message}`);
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const { file, built } = generateSchema();
  console.log(`${relative(root, file)} ${built ? `written, ${statSync(file).size} bytes` : 'is up to date'}`);
}
