/** The configuration that is open: reading, watching, applying and saving it, and what there is to say about it. */
import { basename, resolve } from 'node:path';
import type {
  ApplyResult,
  ConfigSource,
  Diagnostic,
  Diagnostics,
  ExportReport,
  Overlay,
  ProxyCore,
} from '../../proxy-core/index.ts';
import { AttacheError, FileWatcher } from '../../proxy-core/index.ts';
import type { ConfigState } from '../ipc/contract.ts';
import { callErrorOf } from '../ipc/session.ts';
import { readConfigFile, writeFileWhole } from './config-file.ts';
import type { RecentFiles } from './recent-files.ts';

export interface ConfigSessionOptions {
  readonly core: ProxyCore;
  /** What the command line adds to every file (`--cluster`, `--service-node`, …). */
  readonly settings: Omit<ConfigSource, 'file' | 'text'>;
  readonly recent: RecentFiles;
  /** False: edits in the file are only seen when it is opened again. */
  readonly watch: boolean;
  readonly changed: () => void;
}

/** What is open. The demo has no file: its name stands for one. */
interface Opened {
  readonly file: string;
  /** As the core knows it in diagnostics. */
  readonly sourceFile: string;
  readonly name: string;
  readonly demo: boolean;
}

const NOTHING: Opened = { file: '', sourceFile: '', name: '', demo: false };
/** For an overlay when nothing else runs. */
const NO_RESOURCES = 'static_resources: {}\n';
export const DEMO_FILE = 'demo:shop.yaml';

export class ConfigSession {
  readonly #options: ConfigSessionOptions;
  /** Runs beside whatever is open; in no text and no export. */
  #overlay: Overlay | null = null;
  #opened: Opened = NOTHING;
  #fileText = '';
  #runningText = '';
  #runningVersion = 0;
  #status: ConfigState['status'] = 'none';
  #diagnostics: readonly Diagnostic[] = [];
  #watcher: FileWatcher | null = null;
  /** Opens and applies happen one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ConfigSessionOptions) {
    this.#options = options;
  }

  state(): ConfigState {
    return {
      file: this.#opened.file,
      name: this.#opened.name,
      demo: this.#opened.demo,
      runningText: this.#runningText,
      runningVersion: this.#runningVersion,
      fileText: this.#fileText,
      status: this.#status,
      diagnostics: this.#diagnostics,
      recent: this.#options.recent.files,
    };
  }

  /** Opens and applies a file. One that is refused is open all the same, with what ran before still running. */
  open(path: string): Promise<ConfigState> {
    const file = resolve(path);
    return this.#inTurn(async () => {
      const text = await readConfigFile(file);
      await this.#take({ file, sourceFile: file, name: basename(file), demo: false }, text);
      if (this.#options.watch && !this.#closed) {
        this.#watcher = new FileWatcher(
          file,
          {
            changed: (changed) => void this.#fileChanged(file, changed),
            unreadable: (error) => this.#fileLost(file, error),
          },
          readConfigFile,
        );
        this.#watcher.start(text);
      }
      await this.#options.recent.add(file);
      this.#options.changed();
      return this.state();
    });
  }

  /** Opens the built-in demo: the same, without a file. */
  openDemo(text: string): Promise<ConfigState> {
    return this.#inTurn(async () => {
      await this.#take({ file: DEMO_FILE, sourceFile: 'shop.yaml', name: 'Demo shop', demo: true }, text);
      return this.state();
    });
  }

  validate(text: string, lint = false): Diagnostics {
    return this.#options.core.validate(this.#source(text), { lint });
  }

  /** Applies an edited text; writes it to the file when it was accepted and `save` is set. */
  apply(text: string, save: boolean): Promise<ApplyResult> {
    return this.#inTurn(async () => {
      const result = await this.#apply(text);
      if (!result.ok || !save || this.#opened.demo || this.#opened === NOTHING) return result;
      const problem = await this.#save(text);
      if (problem === null) return result;
      this.#diagnostics = [...this.#diagnostics, problem];
      this.#options.changed();
      return { ...result, diagnostics: this.#diagnostics };
    });
  }

  /** Runs an overlay beside the configuration, or none; on a refusal what ran before goes on. */
  setOverlay(overlay: Overlay | null): Promise<ApplyResult> {
    return this.#inTurn(async () => {
      const source = this.#source(this.#runningText || NO_RESOURCES);
      const result = await this.#options.core.apply(overlay === null ? source : { ...source, overlay });
      if (result.ok) {
        this.#overlay = overlay;
        if (this.#runningText !== '') this.#runningVersion = result.version;
        this.#options.changed();
      }
      return result;
    });
  }

  export(directory: string): ExportReport {
    if (this.#runningText === '') {
      throw new AttacheError('config.none', 'No configuration runs: open one, then export it.');
    }
    return this.#options.core.exportConfig(this.#source(this.#runningText), {
      directory: resolve(directory),
    });
  }

  /** The core's listeners changed: one may be down, or up again. */
  listenersChanged(): void {
    const before = this.#status;
    if (before !== 'running' && before !== 'running-in-part') return;
    this.#status = this.#runningStatus();
    if (this.#status !== before) this.#options.changed();
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#watcher = null;
  }

  async #take(opened: Opened, text: string): Promise<void> {
    this.#watcher?.close();
    this.#watcher = null;
    this.#opened = opened;
    this.#fileText = text;
    await this.#apply(text);
  }

  async #apply(text: string): Promise<ApplyResult> {
    this.#status = 'starting';
    this.#options.changed();
    try {
      const source = this.#source(text);
      const overlay = this.#overlay;
      const result = await this.#options.core.apply(overlay === null ? source : { ...source, overlay });
      this.#diagnostics = result.diagnostics;
      if (result.ok) {
        this.#runningText = text;
        this.#runningVersion = result.version;
      }
      this.#status = result.ok ? this.#runningStatus() : 'rejected';
      return result;
    } catch (error) {
      // A fault of ours, not of the text: it is told where the user looks, and what ran goes on.
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#status = 'rejected';
      this.#diagnostics = [this.#fileProblem(callErrorOf(error).code, 'error', message)];
      return { ok: false, version: this.#runningVersion, diagnostics: this.#diagnostics };
    } finally {
      this.#options.changed();
    }
  }

  #runningStatus(): ConfigState['status'] {
    const { listeners } = this.#options.core.state();
    return listeners.some((listener) => listener.status === 'failed') ? 'running-in-part' : 'running';
  }

  async #save(text: string): Promise<Diagnostic | null> {
    const { file } = this.#opened;
    const write = () => writeFileWhole(file, text);
    try {
      await (this.#watcher === null ? write() : this.#watcher.save(text, write));
      this.#fileText = text;
      this.#options.changed();
      return null;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#fileProblem(
        'config.not-saved',
        'warning',
        `It runs, but ${file} was not written: ${reason}.`,
      );
    }
  }

  #fileChanged(file: string, text: string): Promise<void> {
    return this.#inTurn(async () => {
      if (file !== this.#opened.file || this.#closed) return;
      this.#fileText = text;
      await this.#apply(text);
    });
  }

  #fileLost(file: string, error: AttacheError): void {
    if (file !== this.#opened.file) return;
    const rest = this.#runningVersion === 0 ? '' : ` Version ${this.#runningVersion} goes on serving.`;
    this.#status = 'rejected';
    this.#diagnostics = [this.#fileProblem(error.code, 'error', `${error.message}${rest}`)];
    this.#options.changed();
  }

  #fileProblem(code: string, severity: Diagnostic['severity'], message: string): Diagnostic {
    const range = { file: this.#opened.file, line: 1, column: 1, endLine: 1, endColumn: 1 };
    return { code, severity, message, path: '', range };
  }

  #source(text: string): ConfigSource {
    return { ...this.#options.settings, file: this.#opened.sourceFile || 'configuration', text };
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step);
    this.#queue = result.catch(() => {});
    return result;
  }
}
