import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Which room may import which, as README tells. `types` means: only files named types.ts, or type-only imports.
 * Every room may import itself, proxy-core/base, and types of proxy-core/facade.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'proxy-core/base': [],
  'proxy-core/config': [],
  'proxy-core/facade': ['proxy-core/config'],
  'proxy-core/route': ['proxy-core/config'],
  'proxy-core/network': ['proxy-core/config'],
  'proxy-core/http/codec': ['proxy-core/config'],
  'proxy-core/discovery': ['proxy-core/config', 'proxy-core/upstream'],
  'proxy-core/upstream': [
    'proxy-core/config',
    'proxy-core/route',
    'proxy-core/network',
    'proxy-core/http/codec',
    'proxy-core/discovery',
  ],
  'proxy-core/observe': ['proxy-core/config', 'proxy-core/route'],
  'proxy-core/lua': [],
  'proxy-core/http': [
    'proxy-core/lua',
    'proxy-core/config',
    'proxy-core/network',
    'proxy-core/http/codec',
    'proxy-core/route',
    'proxy-core/upstream',
    'proxy-core/observe',
  ],
  'proxy-core/network-filters': [
    'proxy-core/config',
    'proxy-core/network',
    'proxy-core/http',
    'proxy-core/http/codec',
    'proxy-core/upstream',
    'proxy-core/observe',
    'proxy-core/route',
  ],
  'proxy-core/listener': [
    'proxy-core/network-filters',
    'proxy-core/config',
    'proxy-core/network',
    'proxy-core/http',
    'proxy-core/http/codec',
    'proxy-core/upstream',
    'proxy-core/observe',
    'proxy-core/route',
  ],
  'proxy-core/route-test': ['proxy-core/config', 'proxy-core/route'],
  'proxy-core/core': [
    'proxy-core/config',
    'proxy-core/discovery',
    'proxy-core/http',
    'proxy-core/listener',
    'proxy-core/network',
    'proxy-core/observe',
    'proxy-core/route',
    'proxy-core/route-test',
    'proxy-core/upstream',
  ],
  'electron/ipc': ['proxy-core/index.ts'],
  'electron/app': ['proxy-core/index.ts', 'electron/ipc'],
  'electron/headless': ['proxy-core/index.ts', 'electron/ipc', 'electron/app'],
  'electron/desktop': ['proxy-core/index.ts', 'electron/ipc', 'electron/app'],
  renderer: ['electron/ipc', 'proxy-core/index.ts'],
};

/** Rooms that may use npm packages or node built-ins beyond what their place allows. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'proxy-core/base': /^node:/,
  'proxy-core/config': /^(node:|yaml$|re2js$|@bufbuild\/protobuf)/,
  'proxy-core/facade': /^$/,
  'proxy-core/route': /^(re2js|node:os)$/,
  'proxy-core/route-test': /^$/,
  'proxy-core/network': /^node:/,
  'proxy-core/http/codec': /^$/,
  'proxy-core/discovery': /^node:/,
  'proxy-core/upstream': /^node:/,
  'proxy-core/observe': /^(node:|re2js$)/,
  'proxy-core/lua': /^fengari\//,
  'proxy-core/http': /^(node:|@bufbuild\/protobuf)/,
  'proxy-core/network-filters': /^node:/,
  'proxy-core/listener': /^node:/,
  'proxy-core/core': /^node:/,
  'electron/ipc': /^$/,
  'electron/app': /^node:/,
  'electron/headless': /^(node:|ws$)/,
  'electron/desktop': /^(node:|electron$)/,
  renderer: /^(?!node:|electron$)/,
};

const root = join(__dirname, '../../..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !/(^|\.)(d|config)\.ts$/.test(entry.name) ? [path] : [];
  });
}

const ROOMS = Object.keys(ALLOWED).sort((a, b) => b.length - a.length);

function roomOf(path: string): string | null {
  return ROOMS.find((room) => path === room || path.startsWith(`${room}/`)) ?? null;
}

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Static, re-exporting and dynamic imports of a file, comments excluded. */
function importsOf(file: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(
    /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[\w*{][^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/g,
  )) {
    found.push({ file, specifier: match[3] as string, typeOnly: match[2] !== undefined });
  }
  for (const match of code.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    found.push({ file, specifier: match[1] as string, typeOnly: false });
  }
  return found;
}

function violation(item: Import): string | null {
  const from = roomOf(item.file);
  if (from === null) return item.file === 'proxy-core/index.ts' ? null : `${item.file} belongs to no room`;
  if (!item.specifier.startsWith('.')) {
    const builtin = item.specifier.replace(/\?.*$/, '');
    return PACKAGES[from]?.test(builtin) || item.typeOnly
      ? null
      : `${item.file} imports the package ${item.specifier}`;
  }
  const target = relative(root, join(root, dirname(item.file), item.specifier))
    .split(sep)
    .join('/');
  const to = target === 'proxy-core/index.ts' ? target : roomOf(target);
  if (from === 'renderer' && to === 'proxy-core/index.ts' && !item.typeOnly) {
    return `${item.file} imports more than types of ${target}`;
  }
  if (to === from || (to === 'proxy-core/base' && from.startsWith('proxy-core/'))) return null;
  if (to === 'proxy-core/facade' && from.startsWith('proxy-core/')) return null;
  if (to !== null && ALLOWED[from]?.includes(to)) return null;
  if (
    from.startsWith('proxy-core/') &&
    to?.startsWith('proxy-core/') &&
    item.typeOnly &&
    target.endsWith('/types.ts')
  )
    return null;
  if (/\.(css|svg|json|yaml)(\?.*)?$/.test(target) && to === from) return null;
  return `${item.file} imports ${target}`;
}

describe('the import rule', () => {
  const folders = ['proxy-core', 'electron', 'renderer'];
  test('every import stays within what its room may import', () => {
    const broken = folders
      .flatMap(sources)
      .flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')))
      .map(violation)
      .filter((text) => text !== null);
    expect(broken).toEqual([]);
  });

  test.each([
    ['proxy-core/route/decide.ts', '../upstream/pool/http1.ts', false, false],
    ['proxy-core/route/decide.ts', '../upstream/types.ts', true, true],
    ['proxy-core/route/decide.ts', 'node:fs', false, false],
    ['proxy-core/upstream/index.ts', '../../electron/app/service.ts', false, false],
    ['renderer/main.tsx', '../proxy-core/route/decide.ts', false, false],
    ['renderer/main.tsx', '../electron/ipc/contract.ts', true, true],
    ['renderer/main.tsx', '../proxy-core/index.ts', true, true],
    ['renderer/main.tsx', '../proxy-core/index.ts', false, false],
    ['electron/app/service.ts', '../../proxy-core/base/clock.ts', false, false],
    ['electron/app/service.ts', 'electron', false, false],
    ['electron/desktop/main.ts', 'electron', false, true],
  ])('%s importing %s (type only: %s) is allowed: %s', (file, specifier, typeOnly, allowed) => {
    expect(violation({ file, specifier, typeOnly }) === null).toBe(allowed);
  });

  test('finds every form of import', () => {
    const text = `import a from 'a';\nimport type { B } from './b.ts';\nexport * from "./c.ts";\nimport './d.css';\nconst e = await import('e');\n// import 'no'\nimport {\n  f,\n  g,\n} from './f.ts';`;
    expect(importsOf('x.ts', text).map((i) => i.specifier)).toEqual([
      'a',
      './b.ts',
      './c.ts',
      './d.css',
      './f.ts',
      'e',
    ]);
  });
});
