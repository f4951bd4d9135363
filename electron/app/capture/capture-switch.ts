/** Outbound capture of a running app: on, off, and on in another way. */
import { AttacheError } from '../../../proxy-core/index.ts';
import type { CaptureState } from '../../ipc/contract.ts';
import type { ConfigSession } from '../config-session.ts';
import { type Capture, type CaptureOptions, openCapture } from './capture.ts';

export class CaptureSwitch {
  readonly #config: Pick<ConfigSession, 'setOverlay'>;
  readonly #dataFolder: string;
  #running: Capture | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(config: Pick<ConfigSession, 'setOverlay'>, dataFolder: string) {
    this.#config = config;
    this.#dataFolder = dataFolder;
  }

  get running(): Capture | null {
    return this.#running;
  }

  state(): CaptureState {
    const capture = this.#running;
    if (capture === null) return { proxy: '', intercept: [], caFile: '' };
    const { settings, caFile } = capture;
    return { proxy: `http://127.0.0.1:${settings.port}`, intercept: settings.intercept, caFile };
  }

  /** Throws AttacheError as `openCapture` does, or `capture.refused`; what ran before then goes on. */
  start(options: CaptureOptions): Promise<CaptureState> {
    return this.#inTurn(async () => {
      const capture = await openCapture(options, this.#dataFolder);
      const result = await this.#config.setOverlay(capture.overlay);
      if (!result.ok) {
        await capture.close();
        const reason = result.diagnostics.find(({ severity }) => severity === 'error')?.message ?? '';
        throw new AttacheError('capture.refused', `Capture was not switched on: ${reason}`);
      }
      const before = this.#running;
      this.#running = capture;
      await before?.close();
      return this.state();
    });
  }

  stop(): Promise<CaptureState> {
    return this.#inTurn(async () => {
      const capture = this.#running;
      if (capture !== null) {
        await this.#config.setOverlay(null);
        this.#running = null;
        await capture.close();
      }
      return this.state();
    });
  }

  /** Takes away what lies on the disk; the core closes by itself. */
  async close(): Promise<void> {
    const capture = this.#running;
    this.#running = null;
    await capture?.close();
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step);
    this.#queue = result.catch(() => {});
    return result;
  }
}
