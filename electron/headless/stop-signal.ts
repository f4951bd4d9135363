export interface StopSignal {
  /** Resolves when the program is to stop. */
  readonly asked: Promise<void>;
  /** Asks for it from inside. */
  readonly stop: () => void;
}

/**
 * Listens for SIGINT and SIGTERM. A second one ends the program at once: whoever asks twice does not want to wait for
 * requests to finish.
 */
export function listenForStop(): StopSignal {
  let stop: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let signals = 0;
  const onSignal = () => {
    if (++signals > 1) process.exit(0);
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { asked, stop: () => stop() };
}
