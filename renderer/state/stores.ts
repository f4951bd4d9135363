/**
 * What the window knows, as small zustand stores: one per kind of push, so that a component redraws only for what it
 * reads. Written by session.ts (and actions.ts for answers of calls) and by nobody else.
 */
import { create } from 'zustand';
import type { AppInfo, ConfigState, DemoState, ProcessStats } from '../../electron/ipc/contract.ts';
import type { CoreEvent, CoreState, MetricsTick, RecorderState } from '../../proxy-core/index.ts';
import { HostHistory } from './host-history.ts';
import { RowRing } from './row-ring.ts';

export interface AppSlice {
  /** `loading`: connected, the first answer is not there yet. `refused`: the token of this page is not valid. */
  readonly connection: 'loading' | 'connected' | 'lost' | 'refused';
  readonly info: AppInfo | null;
  readonly process: ProcessStats | null;
}
export const useApp = create<AppSlice>(() => ({ connection: 'loading', info: null, process: null }));

export interface ConfigSlice {
  readonly config: ConfigState | null;
}
export const useConfig = create<ConfigSlice>(() => ({ config: null }));

export interface CoreSlice {
  readonly core: CoreState | null;
}
export const useCore = create<CoreSlice>(() => ({ core: null }));

/** Ticks of the last hour at most, oldest first. */
export interface MetricsSlice {
  readonly ticks: readonly MetricsTick[];
}
export const useMetrics = create<MetricsSlice>(() => ({ ticks: [] }));
export const MAX_TICKS = 3600;

export interface EventsSlice {
  readonly events: readonly CoreEvent[];
}
export const useEvents = create<EventsSlice>(() => ({ events: [] }));
export const MAX_EVENTS = 2000;

export interface DemoSlice {
  readonly demo: DemoState | null;
}
export const useDemo = create<DemoSlice>(() => ({ demo: null }));

/** Which rows there are; the rows themselves are in `rowRing`. */
export interface RowsSlice {
  /** Goes up whenever anything in the ring changed. */
  readonly version: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Rows that were recorded and never drawn because the window lagged, since the last clear. */
  readonly skipped: number;
  readonly recorder: RecorderState | null;
}
export const useRows = create<RowsSlice>(() => ({
  version: 0,
  firstSeq: 0,
  lastSeq: 0,
  skipped: 0,
  recorder: null,
}));

export const rowRing = new RowRing(32_768);
export const hostHistory = new HostHistory();

export interface Toast {
  readonly id: string;
  readonly tone: 'note' | 'ok' | 'warn' | 'err' | 'eject';
  readonly title: string;
  readonly text: string;
  /** Going somewhere, or doing something at once. */
  readonly actions: readonly (
    | { readonly label: string; readonly href: string }
    | { readonly label: string; readonly run: () => void }
  )[];
  /** Stays until it is dismissed. */
  readonly sticky: boolean;
}

export interface UiSlice {
  readonly toasts: readonly Toast[];
  /** Banners that were dismissed, by id. */
  readonly dismissed: ReadonlySet<string>;
  readonly layer: 'none' | 'palette' | 'shortcuts' | 'open-file' | 'clear-records';
}
export const useUi = create<UiSlice>(() => ({ toasts: [], dismissed: new Set(), layer: 'none' }));
