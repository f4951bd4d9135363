/**
 * Resolves at the first SIGINT or SIGTERM. A second one ends the program at once: whoever asks twice does not want to
 * wait for requests to finish.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(0);
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
