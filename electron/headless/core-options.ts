import type { CoreOptions } from '../../proxy-core/index.ts';
import type { CoreFlags } from './arguments.ts';
import type { LogWriter } from './log-writer.ts';

export function coreOptions(flags: CoreFlags, { log }: LogWriter): CoreOptions {
  return {
    log,
    ...(flags.adminAddressPath === null ? {} : { adminAddressPath: flags.adminAddressPath }),
    ...(flags.drainTime === null ? {} : { drainTime: flags.drainTime }),
    ...(flags.fileFlushInterval === null ? {} : { fileFlushInterval: flags.fileFlushInterval }),
  };
}

/** How long requests in flight may finish when the program is told to stop, unless --drain-time-s says less. */
const STOP_DRAIN = 5_000;

export function stopDrain(flags: CoreFlags): number {
  return Math.min(flags.drainTime ?? STOP_DRAIN, STOP_DRAIN);
}
