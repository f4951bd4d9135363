/**
 * The development CA: an authority of the user's own, made on demand in the data folder, that vouches for the servers
 * which Attaché plays. Its key never leaves that folder: no method gives it away, and what is exported is the
 * certificate alone.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { AttacheError } from '../../../proxy-core/index.ts';
import { writeFileWhole } from '../config-file.ts';
import { addressBytes, type DistinguishedName, writeCertificate } from './certificate.ts';

/** A certificate with its key, PEM, as TLS servers take them. */
export interface Leaf {
  /** The leaf and the authority's certificate. */
  readonly certificateChain: string;
  readonly privateKey: string;
}

const DAY = 86_400_000;
const AUTHORITY_LIFETIME = 3650 * DAY;
/** Longer ones are refused by some systems even from an authority that the user trusts. */
const LEAF_LIFETIME = 90 * DAY;
/** Clocks of other machines may be slow. */
const BACKDATED = DAY;
/** Names are chosen by clients (SNI): only so many leaves are kept. */
const MAX_LEAVES = 1000;
const MAX_COMMON_NAME = 64;

const CERTIFICATE = 'attache-ca.crt';
const KEY = 'attache-ca.key';

export class DevelopmentCa {
  readonly #key: KeyObject;
  readonly #certificate: X509Certificate;
  /** One key for all leaves of a run: making one for each would cost more than the rest of a handshake. */
  readonly #leafKey: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  readonly #leafKeyPem: string;
  /** The one that was used longest ago first. */
  readonly #leaves = new Map<string, { readonly leaf: Leaf; readonly until: number }>();
  readonly #subject: DistinguishedName;

  private constructor(
    readonly folder: string,
    /** True when it was made just now. */
    readonly isNew: boolean,
    readonly certificatePem: string,
    key: KeyObject,
    private readonly now: () => number,
  ) {
    this.#key = key;
    this.#certificate = new X509Certificate(certificatePem);
    this.#leafKeyPem = this.#leafKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    this.#subject = nameOf(this.#certificate);
  }

  /**
   * The authority of a data folder (`userFolder()`), made when there is none. Throws AttacheError `ca.unreadable` or
   * `ca.expired`.
   */
  static async open(dataFolder: string, now: () => number = Date.now): Promise<DevelopmentCa> {
    const folder = join(dataFolder, 'ca');
    const isNew =
      (await stat(folder).catch(() => null)) === null && (await create(dataFolder, folder, now()));
    const files = await read(folder);
    const ca = new DevelopmentCa(folder, isNew, files.certificate, files.key, now);
    if (Date.parse(ca.#certificate.validTo) <= now()) {
      throw new AttacheError(
        'ca.expired',
        `The development CA in ${folder} expired on ${ca.#certificate.validTo}. Remove that folder and run attache ca again; the new authority has to be trusted anew.`,
      );
    }
    return ca;
  }

  get certificateFile(): string {
    return join(this.folder, CERTIFICATE);
  }

  /** SHA-256, `AB:CD:…`, as systems show it when they ask whether to trust. */
  get fingerprint(): string {
    return this.#certificate.fingerprint256;
  }

  get validTo(): Date {
    return new Date(this.#certificate.validTo);
  }

  get commonName(): string {
    return this.#subject.commonName;
  }

  /**
   * A certificate for a host name (`*.` in front is allowed) or an address; the same one until it nears its end. Throws
   * AttacheError `ca.bad-name`.
   */
  leafFor(name: string): Leaf {
    const wanted = name.toLowerCase().replace(/\.$/, '');
    const now = this.now();
    const known = this.#leaves.get(wanted);
    this.#leaves.delete(wanted);
    const entry = known !== undefined && known.until - DAY > now ? known : this.#issue(wanted, now);
    this.#leaves.set(wanted, entry);
    if (this.#leaves.size > MAX_LEAVES) {
      const [oldest] = this.#leaves.keys();
      if (oldest !== undefined) this.#leaves.delete(oldest);
    }
    return entry.leaf;
  }

  #issue(name: string, now: number): { leaf: Leaf; until: number } {
    if (!isHost(name)) {
      throw new AttacheError('ca.bad-name', `No certificate is made for “${name}”: that is no host name.`);
    }
    const until = Math.min(now + LEAF_LIFETIME, Date.parse(this.#certificate.validTo));
    const certificate = writeCertificate({
      subject: {
        organization: 'Attaché development',
        commonName: name.length > MAX_COMMON_NAME ? 'development server' : name,
      },
      issuer: this.#subject,
      key: this.#leafKey,
      issuerKey: this.#key,
      from: new Date(Math.max(now - BACKDATED, Date.parse(this.#certificate.validFrom))),
      to: new Date(until),
      use: { kind: 'server', names: [name] },
    });
    const certificateChain = certificate + this.certificatePem;
    return { leaf: { certificateChain, privateKey: this.#leafKeyPem }, until };
  }

  /** Writes the certificate, never the key. Throws AttacheError `ca.not-written`. */
  async exportCertificate(file: string): Promise<void> {
    try {
      await writeFileWhole(file, this.certificatePem);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AttacheError('ca.not-written', `${file} was not written: ${reason}`, { cause: error });
    }
  }
}

/**
 * Makes key and certificate in a folder beside and moves that in place, so that there are always both or none. False
 * when another process was faster: then its authority is the one.
 */
async function create(dataFolder: string, folder: string, now: number): Promise<boolean> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  // Made with mode 0700.
  const beside = await mkdtemp(join(dataFolder, '.ca-'));
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const name: DistinguishedName = { organization: 'Attaché development', commonName: authorityName() };
    const certificate = writeCertificate({
      subject: name,
      issuer: name,
      key: privateKey,
      issuerKey: privateKey,
      from: new Date(now - BACKDATED),
      to: new Date(now + AUTHORITY_LIFETIME),
      use: { kind: 'authority' },
    });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(beside, KEY), key, { mode: 0o600, flag: 'wx' });
    await writeFile(join(beside, CERTIFICATE), certificate, { mode: 0o644, flag: 'wx' });
    await rename(beside, folder);
    return true;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    if ((await stat(folder).catch(() => null)) !== null) return false;
    throw error;
  }
}

async function read(folder: string): Promise<{ certificate: string; key: KeyObject }> {
  const keyFile = join(folder, KEY);
  try {
    // A copy or a backup may have opened them up.
    if (process.platform !== 'win32') {
      await chmod(folder, 0o700);
      await chmod(keyFile, 0o600);
    }
    const certificate = await readFile(join(folder, CERTIFICATE), 'utf8');
    const key = createPrivateKey(await readFile(keyFile, 'utf8'));
    if (!new X509Certificate(certificate).checkPrivateKey(key))
      throw new Error('key and certificate are no pair');
    return { certificate, key };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AttacheError(
      'ca.unreadable',
      `The development CA in ${folder} was not read: ${reason}. Remove that folder to have a new one made.`,
      { cause: error },
    );
  }
}

/** Tells apart the authorities of several machines in a list of trusted ones. */
function authorityName(): string {
  let user = '';
  try {
    user = `${userInfo().username}@`;
  } catch {
    // A user without an entry in the system's list has no name.
  }
  return `Attaché development CA ${user}${hostname()}`.slice(0, MAX_COMMON_NAME);
}

function nameOf(certificate: X509Certificate): DistinguishedName {
  const part = (name: string): string =>
    new RegExp(`^${name}=(.*)$`, 'm').exec(certificate.subject)?.[1] ?? '';
  return { organization: part('O'), commonName: part('CN') };
}

function isHost(name: string): boolean {
  if (addressBytes(name) !== null) return true;
  return (
    name.length <= 253 &&
    name
      .replace(/^\*\./, '')
      .split('.')
      .every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  );
}
