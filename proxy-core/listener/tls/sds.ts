import type { CompileContext } from '../../config/compile-context.ts';
import { loadMessage } from '../../config/load.ts';
import { MessageReader } from '../../config/reader.ts';
import { LiveSecret, type Loaded, type SecretKind, type SecretRegistry } from './secret.ts';
import { type ReadFile, readFromDisk, TlsError } from './source.ts';

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';
const DISCOVERY_RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

/** How messages about a kind of secret are worded. */
const WORDS: Readonly<Record<SecretKind, { readonly api: string; readonly unknown: string }>> = {
  tls_certificate: { api: 'TlsCertificateSdsApi', unknown: 'Unknown static secret: ' },
  validation_context: {
    api: 'CertificateValidationContextSdsApi',
    unknown: 'Unknown static certificate validation context: ',
  },
};

/** Makes the source of a value from its message, reporting through the context given, and then the value. */
export interface SecretLoader<Source, Value> {
  readonly kind: SecretKind;
  source(reader: MessageReader, ctx: CompileContext): Source;
  files(source: Source): readonly string[];
  load(source: Source, read: ReadFile): Loaded<Value>;
}

/** Compiles a value that stands in the configuration itself, or in `static_resources.secrets`. Null: reported. */
export function inlineSecret<Source, Value>(
  reader: MessageReader,
  ctx: CompileContext,
  registry: SecretRegistry,
  loader: SecretLoader<Source, Value>,
): LiveSecret<Value> | null {
  const source = loader.source(reader, ctx);
  const files = loader.files(source);
  const live = new LiveSecret<Value>(files[0] ?? '', false, (read) => loader.load(source, read), files);
  try {
    live.replace(live.load((path) => ctx.files.read(path)));
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    ctx.report('error', error.code, reader, reader.has(error.field) ? error.field : '', error.message);
    return null;
  }
  return files.length === 0 ? live : registry.share(`${loader.kind} ${reader.path} ${files.join(' ')}`, live);
}

/** Compiles a `SdsSecretConfig`: a static secret, or one from a file. Null: reported, or not emulated. */
export function sdsSecret<Source, Value>(
  reader: MessageReader,
  ctx: CompileContext,
  registry: SecretRegistry,
  loader: SecretLoader<Source, Value>,
): LiveSecret<Value> | null {
  const name = reader.string('name') ?? '';
  const config = reader.message('sds_config');
  const words = WORDS[loader.kind];
  if (config === undefined) {
    const found = registry.static(loader.kind, name);
    if (found !== null) return inlineSecret(found, ctx, registry, loader);
    ctx.report('error', 'tls.unknown-secret', reader, 'name', `${words.unknown}${name}`);
    return null;
  }
  const pathSource = config.message('path_config_source');
  pathSource?.message('watched_directory')?.acknowledge('path');
  const path = pathSource?.string('path') ?? config.string('path');
  config.acknowledge('resource_api_version', 'initial_fetch_timeout');
  if (path === undefined) {
    ctx.report(
      'notice',
      'tls.sds-not-emulated',
      reader,
      'sds_config',
      `The secret ${name} comes from a server, which is not emulated for secrets: connections that need it are refused. Give it in a file (path_config_source) to try it here.`,
    );
    return null;
  }
  if (ctx.node.id === '' || ctx.node.cluster === '') {
    ctx.report(
      'error',
      'tls.sds-without-node',
      reader,
      'sds_config',
      `${words.api}: node 'id' and 'cluster' are required. Set it either in 'node' config or via --service-node and --service-cluster options.`,
    );
    return null;
  }
  if (!ctx.files.exists(path)) {
    ctx.report(
      'error',
      'config.file-missing',
      reader,
      'sds_config',
      `paths must refer to an existing path in the system: '${path}' does not exist`,
    );
    return null;
  }
  const secret = new LiveSecret<Value>(name, true, (read) => loadFromFile(path, name, ctx, loader, read), [
    path,
  ]);
  try {
    secret.replace(secret.load(readFromDisk));
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    secret.firstFailure = error.message;
  }
  if (secret.firstFailure !== '') {
    ctx.report(
      'warning',
      'tls.sds-rejected',
      reader,
      'sds_config',
      `The secret ${name} was not taken from ${path}: ${secret.firstFailure}. Connections that need it are refused until the file is good.`,
    );
  }
  return registry.share(`sds ${loader.kind} ${name} ${path}`, secret);
}

function loadFromFile<Source, Value>(
  path: string,
  name: string,
  ctx: CompileContext,
  loader: SecretLoader<Source, Value>,
  read: ReadFile,
): Loaded<Value> {
  const message = readSecret(path, name, read);
  const value = message.message(loader.kind);
  if (value === undefined) {
    throw new TlsError('tls.sds-kind', '', `Secret ${name} in ${path} has no ${loader.kind}`);
  }
  const problems: string[] = [];
  const source = loader.source(value, {
    ...ctx,
    report: (severity, _code, _reader, _field, text) => {
      if (severity === 'error') problems.push(text);
    },
  });
  const [problem] = problems;
  if (problem !== undefined) throw new TlsError('tls.sds-rejected', '', problem);
  return loader.load(source, read);
}

/** The one Secret in a file that holds a DiscoveryResponse. Throws TlsError with Envoy's words. */
function readSecret(path: string, name: string, read: ReadFile): MessageReader {
  let text: string;
  try {
    text = new TextDecoder().decode(read(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TlsError('tls.sds-unreadable', '', `unable to read file: ${path} (${reason})`);
  }
  const { root, diagnostics } = loadMessage(text, path, DISCOVERY_RESPONSE);
  const problem = diagnostics.find(({ severity }) => severity === 'error');
  if (root === null || problem !== undefined) {
    const where = problem === undefined ? '' : `, line ${problem.range.line}: ${problem.message}`;
    throw new TlsError('tls.sds-malformed', '', `${path}${where}`);
  }
  const resources = new MessageReader(root).messages('resources');
  const [secret] = resources;
  if (secret === undefined) {
    throw new TlsError('tls.sds-empty', '', `Missing SDS resources for ${name} in onConfigUpdate()`);
  }
  if (resources.length > 1) {
    throw new TlsError('tls.sds-many', '', `Unexpected SDS secrets length: ${resources.length}`);
  }
  const found = secret.type === SECRET ? (secret.string('name') ?? '') : secret.type;
  if (found !== name) {
    throw new TlsError('tls.sds-name', '', `Unexpected SDS secret (expecting ${name}): ${found}`);
  }
  return secret;
}
