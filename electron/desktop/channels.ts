/** The two IPC channels of the desktop app; everything of the contract travels on them. */
export const CALL_CHANNEL = 'attache:call';
export const EVENT_CHANNEL = 'attache:event';

/** Where the renderer lives. */
export const APP_SCHEME = 'app';
export const APP_ORIGIN = 'app://attache';
