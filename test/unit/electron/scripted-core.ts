import type {
  ApplyResult,
  ConfigSource,
  CoreListener,
  CoreState,
  Diagnostic,
  ListenerState,
  ProxyCore,
  RecorderState,
  RecordRow,
} from '../../../proxy-core/index.ts';

const NOWHERE = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 };
const NO_CHANGES = { added: [], updated: [], removed: [], unchanged: [] };

export function row(seq: number, more: Partial<RecordRow> = {}): RecordRow {
  return {
    seq,
    at: seq,
    method: 'GET',
    authority: 'shop.local',
    path: `/${seq}`,
    status: 200,
    flags: '',
    details: '',
    local: false,
    done: true,
    protocol: 'HTTP/1.1',
    listener: 'main',
    route: 'r',
    cluster: 'c',
    host: '127.0.0.1:1',
    attempts: 1,
    requestBytes: 0,
    responseBytes: 0,
    duration: 1,
    ...more,
  };
}

export function listener(name: string, more: Partial<ListenerState> = {}): ListenerState {
  return {
    name,
    address: '127.0.0.1:1',
    status: 'listening',
    error: '',
    activeConnections: 0,
    source: NOWHERE,
    filterChains: [],
    ...more,
  };
}

export function diagnostic(message: string, more: Partial<Diagnostic> = {}): Diagnostic {
  return { code: 'config.test', severity: 'error', message, path: '', range: NOWHERE, ...more };
}

/** A core that takes every text without the word "bad" and remembers what it was asked; no sockets. */
export class ScriptedCore implements ProxyCore {
  readonly applied: ConfigSource[] = [];
  readonly rowsBySeq = new Map<number, RecordRow>();
  listeners: readonly ListenerState[] = [];
  version = 0;
  recording = true;
  firstSeq = 1;
  closedWith: number | null = null;
  #listener: CoreListener = {};

  validate(source: ConfigSource) {
    const bad = source.text.includes('bad');
    return { ok: !bad, diagnostics: bad ? [diagnostic('It is bad.')] : [] };
  }

  async apply(source: ConfigSource): Promise<ApplyResult> {
    this.applied.push(source);
    const { ok, diagnostics } = this.validate(source);
    if (!ok) return { ok, version: this.version, diagnostics };
    this.version++;
    const changes = { listeners: NO_CHANGES, clusters: NO_CHANGES, routes: NO_CHANGES };
    return { ok, version: this.version, diagnostics, ...changes };
  }

  state(): CoreState {
    const { version, listeners } = this;
    return { version, source: '', appliedAt: 0, listeners, routeConfigs: [], clusters: [], admin: null };
  }

  put(...rows: RecordRow[]): void {
    for (const one of rows) this.rowsBySeq.set(one.seq, one);
  }

  rows({ from, limit }: { from: number; limit: number }) {
    const rows = [...this.rowsBySeq.values()].filter(({ seq }) => seq >= from).sort((a, b) => a.seq - b.seq);
    return {
      rows: rows.slice(0, limit),
      skipped: Math.max(0, this.firstSeq - from),
      state: this.recorderState(),
    };
  }

  recorderState(): RecorderState {
    const lastSeq = Math.max(0, ...this.rowsBySeq.keys());
    const records = this.rowsBySeq.size;
    const { firstSeq, recording } = this;
    return {
      records,
      maxRecords: 20_000,
      bytes: 0,
      maxBytes: 1,
      firstSeq,
      lastSeq,
      total: lastSeq,
      recording,
    };
  }

  setRecording(on: boolean): void {
    this.recording = on;
  }

  body(_seq: number, _side: string, offset: number) {
    return { bytes: new Uint8Array([0, 255, 10]), offset, kept: 3, total: 3 };
  }

  explain(): never {
    throw Object.assign(new Error('Nothing runs.'), { code: 'core.no-snapshot' });
  }

  explainRecord = () => null;
  routeTests = () => 'tests: []\n';
  record = () => null;
  filterRecords = async () => ({ seqs: [], total: 0, error: '' });
  clearRecords = () => ({ freedBytes: 7 });
  metrics = () => [];
  events = () => [];
  hostHistory = () => ({ check: null, connectionEnds: [], entries: [] });
  ejectHost = () => {};
  unejectHost = () => {};
  exportConfig = (_source: ConfigSource, { directory }: { directory: string }) => ({
    files: [directory],
    notices: [],
    loopback: [],
    changes: [],
  });

  on(added: CoreListener): () => void {
    this.#listener = added;
    return () => {
      this.#listener = {};
    };
  }

  get listener(): CoreListener {
    return this.#listener;
  }

  async close({ drain }: { drain: number }): Promise<void> {
    this.closedWith = drain;
  }
}
