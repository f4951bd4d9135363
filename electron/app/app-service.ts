/**
 * The application behind the contract: one core, one open configuration, the demo shop, and any number of clients.
 * It knows no shell and no transport; those hand in what only they can do.
 */

import type { ConfigSource, CoreState, ProxyCore } from '../../proxy-core/index.ts';
import { AttacheError } from '../../proxy-core/index.ts';
import type { AppInfo, CallName, Calls, ConfigState, Resync } from '../ipc/contract.ts';
import type { AppServer, AppSession, ClientPort } from '../ipc/session.ts';
import { CaptureSwitch } from './capture/capture-switch.ts';
import { ClientPushes } from './client-pushes.ts';
import { ConfigSession } from './config-session.ts';
import { DemoShop } from './demo/demo-shop.ts';
import { ProcessMeter } from './process-meter.ts';
import type { RecentFiles } from './recent-files.ts';
import { userFolder } from './user-folder.ts';
import { VERSION } from './version.ts';

export interface AppServiceOptions {
  readonly core: ProxyCore;
  readonly shell: AppInfo['shell'];
  readonly settings: Omit<ConfigSource, 'file' | 'text'>;
  readonly recent: RecentFiles;
  readonly watch: boolean;
  /** The shell's native dialog: the chosen file, or null. Absent where there is none. */
  readonly chooseFile?: () => Promise<string | null>;
}

/** Seconds of metrics that a client gets to begin with. */
const RESYNC_TICKS = 900;
const RESYNC_EVENTS = 500;
const METER_INTERVAL = 1_000;

type Handlers = {
  readonly [N in CallName]: (
    args: Calls[N]['args'],
    pushes: ClientPushes,
  ) => Calls[N]['result'] | Promise<Calls[N]['result']>;
};

export class AppService implements AppServer {
  readonly config: ConfigSession;
  readonly demo: DemoShop;
  readonly capture: CaptureSwitch;
  readonly #options: AppServiceOptions;
  readonly #clients = new Set<ClientPushes>();
  readonly #meter = new ProcessMeter();
  readonly #stopListening: () => void;
  readonly #handlers: Handlers;
  #meterTimer: NodeJS.Timeout | null = null;
  #lastStats = this.#meter.read();

  constructor(options: AppServiceOptions) {
    this.#options = options;
    const { core } = options;
    this.demo = new DemoShop({ changed: () => this.#each((client) => client.demoChanged()) });
    this.config = new ConfigSession({
      ...options,
      changed: () => this.#each((client) => client.configChanged()),
    });
    this.capture = new CaptureSwitch(this.config, userFolder());
    this.#stopListening = core.on({
      event: (event) => this.#each((client) => client.event(event)),
      metrics: (tick) => {
        this.#each((client) => {
          client.metrics(tick);
          // Hit counters are part of the state.
          if (tick.requests > 0) client.stateChanged();
        });
      },
      state: () => {
        this.config.listenersChanged();
        this.demo.proxyAddress = demoAddress(core);
        this.#each((client) => client.stateChanged());
      },
    });
    this.#handlers = this.#makeHandlers();
  }

  connect(port: ClientPort): AppSession {
    const { core } = this.#options;
    const pushes = new ClientPushes(port, {
      rows: (query) => core.rows(query),
      recorderState: () => core.recorderState(),
      state: () => core.state(),
      config: () => this.config.state(),
      demo: () => this.demo.state(),
    });
    return {
      call: async (name, args) => await this.#handlers[name](args, pushes),
      close: () => {
        pushes.close();
        this.#clients.delete(pushes);
        this.#runMeter();
      },
    };
  }

  /** Opens a file of the user's; the demo shop, if it runs, stops. */
  async open(file: string): Promise<ConfigState> {
    const state = await this.config.open(file);
    await this.demo.stop();
    return state;
  }

  /** Starts the shop's services and its traffic, and opens its configuration. */
  async startDemo(): Promise<void> {
    const text = await this.demo.start();
    const state = await this.config.openDemo(text);
    this.demo.proxyAddress = demoAddress(this.#options.core);
    if (state.status === 'rejected') await this.demo.stop();
  }

  runningState(): CoreState {
    return this.#options.core.state();
  }

  /** Ends the demo, the watching and the core; requests in flight get `drain` milliseconds. */
  async close(drain: number): Promise<void> {
    this.#stopListening();
    this.config.close();
    this.demo.stopTraffic();
    for (const client of this.#clients) client.close();
    this.#clients.clear();
    this.#runMeter();
    await this.#options.core.close({ drain });
    await this.capture.close();
    await this.demo.stop();
  }

  #makeHandlers(): Handlers {
    const { core, chooseFile } = this.#options;
    return {
      'app.resync': (_args, pushes) => this.#resync(pushes),
      'app.visibility': ({ visible }, pushes) => {
        pushes.setVisible(visible);
        return undefined;
      },
      'state.get': () => core.state(),
      'config.validate': ({ text, lint }) => this.config.validate(text, lint),
      'config.apply': ({ text, save }) => this.config.apply(text, save),
      'config.open': ({ file }) => this.open(file),
      'config.openDialog': async () => {
        if (chooseFile === undefined) {
          throw new AttacheError(
            'not-supported',
            'A browser cannot choose a file of this machine: type its path.',
          );
        }
        const file = await chooseFile();
        return file === null ? null : this.open(file);
      },
      'config.export': ({ directory }) => this.config.export(directory),
      'records.rows': ({ from, limit }) => {
        const { rows, skipped, state } = core.rows({ from, limit });
        return { rows, skipped, recorder: state };
      },
      'rows.ack': ({ batch }, pushes) => {
        pushes.acknowledge(batch);
        return undefined;
      },
      'records.filter': ({ filter, limit }) => core.filterRecords(filter, limit),
      'records.detail': ({ seq }) => core.record(seq),
      'records.body': ({ seq, side, offset, length }) => {
        const slice = core.body(seq, side, offset, length);
        if (slice === null) return null;
        const { bytes, kept, total } = slice;
        const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
        return { base64, offset: slice.offset, kept, total };
      },
      'records.decision': ({ seq }) => core.explainRecord(seq),
      'records.routeTests': async ({ filter, limit }) => {
        const { seqs } = await core.filterRecords(filter, limit);
        const text = core.routeTests(seqs);
        return { text, tests: text.split('\n- test_name:').length - 1 };
      },
      'records.clear': () => core.clearRecords(),
      'records.pause': ({ paused }) => {
        core.setRecording(!paused);
        return undefined;
      },
      'hosts.history': (host) => core.hostHistory(host),
      'hosts.eject': (host) => {
        core.ejectHost(host);
        return undefined;
      },
      'hosts.uneject': (host) => {
        core.unejectHost(host);
        return undefined;
      },
      explain: (request) => core.explain(request),
      'capture.state': () => this.capture.state(),
      'capture.start': (options) => this.capture.start(options),
      'capture.stop': () => this.capture.stop(),
      'demo.start': async () => {
        await this.startDemo();
        return this.demo.state();
      },
      'demo.rate': ({ rate }) => {
        this.demo.setRate(rate);
        return this.demo.state();
      },
      'demo.host': async ({ address, mode }) => {
        await this.demo.setMode(address, mode);
        return this.demo.state();
      },
    };
  }

  #resync(pushes: ClientPushes): Resync {
    const { core, shell } = this.#options;
    this.#clients.add(pushes);
    this.#runMeter();
    const resync: Resync = {
      state: core.state(),
      config: this.config.state(),
      demo: this.demo.state(),
      recorder: core.recorderState(),
      metrics: core.metrics().slice(-RESYNC_TICKS),
      events: core.events().slice(-RESYNC_EVENTS),
      info: { version: VERSION, shell, platform: process.platform, pid: process.pid },
      process: this.#lastStats,
    };
    pushes.restart();
    return resync;
  }

  #each(tell: (client: ClientPushes) => void): void {
    for (const client of this.#clients) tell(client);
  }

  /** Measures while somebody looks. */
  #runMeter(): void {
    if (this.#clients.size === 0) {
      if (this.#meterTimer !== null) clearInterval(this.#meterTimer);
      this.#meterTimer = null;
      return;
    }
    if (this.#meterTimer !== null) return;
    this.#meterTimer = setInterval(() => {
      this.#lastStats = this.#meter.read();
      this.#each((client) => client.processStats(this.#lastStats));
    }, METER_INTERVAL);
    this.#meterTimer.unref();
  }
}

/** Where the demo's traffic goes: the first listener that listens. */
function demoAddress(core: ProxyCore): string | null {
  return core.state().listeners.find((listener) => listener.status === 'listening')?.address ?? null;
}
