/** Where a command writes; tests hand in their own. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
}

export const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

// A reader that went away (`attache … | head`) is no reason to fall over.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
