/** Outbound capture, ready to run: what it needs on this machine, and the overlay that brings it. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Overlay } from '../../../proxy-core/index.ts';
import { AttacheError } from '../../../proxy-core/index.ts';
import { writeFileWhole } from '../config-file.ts';
import { DevelopmentCa } from '../development-ca/development-ca.ts';
import { type CaptureSettings, captureBootstrap } from './capture-overlay.ts';
import { trustedRoots } from './trusted-roots.ts';

export interface CaptureOptions {
  /** Loopback port of the proxy; 0 takes any that is free. */
  readonly port: number;
  /** Patterns of hosts whose TLS is ended here (`api.*.example.com`). */
  readonly intercept: readonly string[];
  /** PEM files of authorities that hosts may be checked against beside the system's. */
  readonly trust?: readonly string[];
}

/** A capture that is set up; `close` takes away what it put on the disk. */
export interface Capture {
  readonly settings: CaptureSettings;
  readonly overlay: Overlay;
  /** The certificate that services have to trust; empty when no TLS is ended. */
  readonly caFile: string;
  close(): Promise<void>;
}

/**
 * @param dataFolder `userFolder()`: the development CA lives there
 * Throws AttacheError `capture.bad-pattern`, `capture.unreadable-ca`, `capture.port`, and those of the development CA.
 */
export async function openCapture(options: CaptureOptions, dataFolder: string): Promise<Capture> {
  const port = options.port === 0 ? await freePort() : options.port;
  const settings = { port, intercept: options.intercept };
  if (settings.intercept.length === 0) {
    const text = captureBootstrap(settings, { socket: '', trustedRoots: '' });
    return { settings, overlay: { text }, caFile: '', close: async () => {} };
  }
  // Mistakes in patterns are told before anything is made.
  captureBootstrap(settings, { socket: '-', trustedRoots: '-' });
  const roots = await trustedRoots(options.trust ?? []);
  const ca = await DevelopmentCa.open(dataFolder);
  const folder = await mkdtemp(join(tmpdir(), 'attache-'));
  // A program that is told twice to stop does not come to `close`.
  const sweep = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', sweep);
  const rootsFile = join(folder, 'trusted-roots.pem');
  await writeFileWhole(rootsFile, roots);
  const socket =
    process.platform === 'win32'
      ? `\\\\.\\pipe\\attache-${randomBytes(8).toString('hex')}`
      : join(folder, 'intercept.sock');
  return {
    settings,
    overlay: {
      text: captureBootstrap(settings, { socket, trustedRoots: rootsFile }),
      leafFor: (name) => ca.leafFor(name),
    },
    caFile: ca.certificateFile,
    close: async () => {
      process.off('exit', sweep);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What to tell the user: how a service's calls come here. */
export function captureLines({ settings, caFile }: Capture): string {
  const url = `http://127.0.0.1:${settings.port}`;
  const lines = [`Calls are captured with HTTP_PROXY=${url} HTTPS_PROXY=${url} in a service's environment.`];
  if (caFile !== '') {
    lines.push(
      `TLS to ${settings.intercept.join(', ')} is opened: the service has to trust ${caFile} (attache ca says how; for Node, NODE_EXTRA_CA_CERTS=${caFile}).`,
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The proxy has to know its own port beforehand, so as to tell requests to itself. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) =>
      reject(new AttacheError('capture.port', `No port is free: ${error.message}`, { cause: error })),
    );
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
