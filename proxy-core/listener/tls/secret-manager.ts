import { CallbackTimer } from '../../base/clock.ts';
import { type FileListener, FileWatcher } from '../../base/file-watcher.ts';
import type { Stats } from '../../base/stats.ts';
import type { CoreServices } from '../../config/compile-context.ts';
import type { LiveSecret, SecretRegistry } from './secret.ts';
import { readFromDisk, TlsError } from './source.ts';

/** What became of a secret whose file changed. */
export interface SecretEvent {
  readonly kind: 'certificate-replaced' | 'certificate-rejected';
  readonly tone: 'ok' | 'err';
  readonly text: string;
  readonly reason: string;
}

/** How the manager watches a file, of which it has read `text`; for tests that want no files. */
export type WatchFile = (file: string, listener: FileListener, text: string | null) => { close(): void };

/**
 * A certificate and its key are written one after the other: what does not fit together gets this long (milliseconds)
 * before it counts as a mistake.
 */
const SETTLING = [300, 700];

/** Failures of the file itself, against those of what stands in it (`update_failure`, `update_rejected`). */
const FILE_FAILURES: ReadonlySet<string> = new Set(['tls.sds-malformed', 'tls.sds-unreadable']);

/** Watches the files of the running configuration's secrets and replaces what changed. */
export class SecretManager {
  private secrets: ReadonlyMap<string, LiveSecret> = new Map();
  private readonly watchers = new Map<string, { close(): void }>();
  private readonly retries = new Map<LiveSecret, CallbackTimer>();
  private readonly begun = new Set<LiveSecret>();
  private closed = false;

  constructor(
    private readonly services: CoreServices,
    private readonly onEvent: (event: SecretEvent) => void,
    private readonly watch: WatchFile = watchOnDisk,
  ) {}

  /** What runs now, by key: the base of the next configuration's registry. */
  get running(): ReadonlyMap<string, LiveSecret> {
    return this.secrets;
  }

  /** Puts a configuration's secrets in place of the former one's. */
  commit(registry: SecretRegistry): void {
    this.secrets = registry.settle();
    const live = new Set(this.secrets.values());
    for (const [secret, timer] of this.retries) {
      if (live.has(secret)) continue;
      timer.disarm();
      this.retries.delete(secret);
    }
    for (const secret of this.begun) if (!live.has(secret)) this.begun.delete(secret);
    for (const secret of live) this.begin(secret);
    this.rewatch();
  }

  close(): void {
    this.closed = true;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    for (const timer of this.retries.values()) timer.disarm();
    this.retries.clear();
  }

  /** The first value of an SDS secret came with the configuration. */
  private begin(secret: LiveSecret): void {
    if (!secret.dynamic || this.begun.has(secret)) return;
    this.begun.add(secret);
    const stats = sdsStats(this.services.stats, secret.name);
    stats.attempt.inc();
    if (secret.firstFailure === '') this.countSuccess(secret);
    else stats.rejected.inc();
  }

  /** One watcher for each file that a secret depends on now. */
  private rewatch(): void {
    if (this.closed) return;
    const wanted = new Set([...this.secrets.values()].flatMap(({ files }) => files));
    for (const [file, watcher] of this.watchers) {
      if (wanted.has(file)) continue;
      watcher.close();
      this.watchers.delete(file);
    }
    for (const file of wanted) {
      if (this.watchers.has(file)) continue;
      const changed = (): void => this.onFileChanged(file);
      const reader = [...this.secrets.values()].find((secret) => secret.files.includes(file));
      const text = reader?.textOf(file) ?? null;
      this.watchers.set(file, this.watch(file, { changed, unreadable: changed }, text));
    }
  }

  private onFileChanged(file: string): void {
    for (const secret of new Set(this.secrets.values())) {
      if (secret.files.includes(file)) this.reload(secret, file, 0);
    }
  }

  private reload(secret: LiveSecret, file: string, attempt: number): void {
    if (this.closed) return;
    this.retries.get(secret)?.disarm();
    this.retries.delete(secret);
    try {
      secret.replace(secret.load(readFromDisk));
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      const wait = SETTLING[attempt];
      if (wait === undefined) this.reject(secret, file, error);
      else {
        const timer = new CallbackTimer(this.services.clock, () => this.reload(secret, file, attempt + 1));
        this.retries.set(secret, timer);
        timer.arm(wait);
      }
      return;
    }
    if (secret.dynamic) {
      sdsStats(this.services.stats, secret.name).attempt.inc();
      this.countSuccess(secret);
    } else this.services.stats.counter('tls.file_update_success').inc();
    this.rewatch();
    this.onEvent({
      kind: 'certificate-replaced',
      tone: 'ok',
      text: `${file} changed: new connections use it, those that stand go on.`,
      reason: '',
    });
  }

  private reject(secret: LiveSecret, file: string, error: TlsError): void {
    if (secret.dynamic) {
      const stats = sdsStats(this.services.stats, secret.name);
      stats.attempt.inc();
      (FILE_FAILURES.has(error.code) ? stats.failure : stats.rejected).inc();
    } else this.services.stats.counter('tls.file_update_rejected').inc();
    const kept =
      secret.value === null
        ? 'Connections that need it are refused.'
        : 'What was read before it stays in use.';
    this.services.log('warning', 'config', `Filesystem config update rejected: ${error.message}`);
    this.onEvent({
      kind: 'certificate-rejected',
      tone: 'err',
      text: `${file} changed and was not taken: ${error.message}. ${kept}`,
      reason: error.message,
    });
  }

  private countSuccess(secret: LiveSecret): void {
    const { stats, clock } = this.services;
    sdsStats(stats, secret.name).success.inc();
    stats.gauge(`sds.${secret.name}.update_time`).set(Math.round(clock.wall()));
  }
}

function watchOnDisk(file: string, listener: FileListener, text: string | null): { close(): void } {
  const watcher = new FileWatcher(file, listener);
  watcher.start(text);
  return watcher;
}

/** `sds.<name>.*`; those that nothing here counts are there with 0, as in Envoy. */
function sdsStats(stats: Stats, name: string) {
  const counter = (what: string) => stats.counter(`sds.${name}.${what}`);
  counter('key_rotation_failed');
  counter('init_fetch_timeout');
  stats.gauge(`sds.${name}.version`);
  stats.text(`sds.${name}.version_text`, '');
  return {
    attempt: counter('update_attempt'),
    success: counter('update_success'),
    failure: counter('update_failure'),
    rejected: counter('update_rejected'),
  };
}
