import type { LeafCertificate } from '../../facade/overlay.ts';
import { type Certificate, loadCertificate } from './certificate-source.ts';
import { readFromDisk } from './source.ts';

/** Names are chosen by clients: only so many certificates are kept. */
const MAX_KEPT = 1000;
/** For clients that name no server. */
const NAMELESS = 'localhost';

/** Certificates that are made for the name that a client asks for. */
export class LeafCertificates {
  /** The one that was used longest ago first. */
  private readonly kept = new Map<string, Certificate>();

  constructor(private readonly leafFor: (serverName: string) => LeafCertificate) {}

  /** Undefined when there can be none for the name. */
  certificateFor(serverName: string): Certificate | undefined {
    const name = serverName === '' ? NAMELESS : serverName;
    const certificate = this.find(name);
    this.kept.delete(name);
    if (certificate === undefined) return undefined;
    this.kept.set(name, certificate);
    if (this.kept.size > MAX_KEPT) {
      const [oldest] = this.kept.keys();
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    return certificate;
  }

  private find(name: string): Certificate | undefined {
    try {
      const { certificateChain, privateKey } = this.leafFor(name);
      const known = this.kept.get(name);
      if (known?.chain === certificateChain) return known;
      const inline = (text: string) => ({ kind: 'inline', bytes: Buffer.from(text) }) as const;
      const source = {
        chain: inline(certificateChain),
        key: inline(privateKey),
        pkcs12: null,
        password: null,
        ocsp: null,
      };
      return loadCertificate(source, readFromDisk).value;
    } catch {
      return undefined;
    }
  }
}
