import { AttacheError } from '../../../proxy-core/index.ts';
import { DevelopmentCa } from '../../app/development-ca/development-ca.ts';
import { userFolder } from '../../app/user-folder.ts';
import type { Command } from '../arguments.ts';
import type { Terminal } from '../terminal.ts';

/** `attache ca`: where the development CA is and how to trust it; 0, or 1 when it cannot be had or written. */
export async function showCa(
  { exportTo, format }: Extract<Command, { kind: 'ca' }>,
  output: Terminal,
  dataFolder: string = userFolder(),
): Promise<number> {
  try {
    const ca = await DevelopmentCa.open(dataFolder);
    if (exportTo !== null) await ca.exportCertificate(exportTo);
    const file = exportTo ?? ca.certificateFile;
    output.out(
      format === 'json' ? `${JSON.stringify(asJson(ca, file), null, 2)}\n` : asText(ca, file, exportTo),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    output.error(`attache: ${error.message}\n`);
    return 1;
  }
}

function asJson(ca: DevelopmentCa, file: string): unknown {
  return {
    created: ca.isNew,
    certificate: file,
    commonName: ca.commonName,
    fingerprint256: ca.fingerprint,
    validTo: ca.validTo.toISOString(),
    trust: TRUST.map(({ system, add, remove }) => ({ system, add: add(file), remove: remove(ca, file) })),
  };
}

function asText(ca: DevelopmentCa, file: string, exportedTo: string | null): string {
  const lines = [
    ca.isNew ? 'A development CA was made for this user.' : 'The development CA of this user:',
    '',
    `  certificate   ${file}`,
    `  name          ${ca.commonName}`,
    `  SHA-256       ${ca.fingerprint}`,
    `  valid until   ${ca.validTo.toISOString().slice(0, 10)}`,
    '',
    exportedTo === null
      ? `Its key is in ${ca.folder}, for this user only, and is never exported.`
      : `Only the certificate was written; the key stays in ${ca.folder}.`,
    'Whoever has that key can pose as any site towards those who trust the CA: trust it on your own machine only.',
    '',
    'To trust it:',
  ];
  for (const { system, add } of TRUST) lines.push(`  ${system}`, `    ${add(file)}`);
  lines.push('', 'To end that:');
  for (const { system, remove } of TRUST) {
    const command = remove(ca, file);
    if (command !== '') lines.push(`  ${system}`, `    ${command}`);
  }
  return `${lines.join('\n')}\n`;
}

interface TrustStore {
  readonly system: string;
  readonly add: (file: string) => string;
  /** Empty: what was set ends with the shell. */
  readonly remove: (ca: DevelopmentCa, file: string) => string;
}

const SYSTEM_KEYCHAIN = '/Library/Keychains/System.keychain';

const TRUST: readonly TrustStore[] = [
  {
    system: 'macOS',
    add: (file) => `sudo security add-trusted-cert -d -r trustRoot -k ${SYSTEM_KEYCHAIN} ${quoted(file)}`,
    remove: (ca) => `sudo security delete-certificate -Z ${hex(ca)} ${SYSTEM_KEYCHAIN}`,
  },
  {
    system: 'Windows',
    add: (file) => `certutil -user -addstore Root "${file}"`,
    remove: (ca) => `certutil -user -delstore Root "${ca.commonName}"`,
  },
  {
    system: 'Debian, Ubuntu',
    add: (file) =>
      `sudo cp ${quoted(file)} /usr/local/share/ca-certificates/attache-ca.crt && sudo update-ca-certificates`,
    remove: () =>
      'sudo rm /usr/local/share/ca-certificates/attache-ca.crt && sudo update-ca-certificates --fresh',
  },
  {
    system: 'Fedora, Arch',
    add: (file) => `sudo trust anchor --store ${quoted(file)}`,
    remove: (_ca, file) => `sudo trust anchor --remove ${quoted(file)}`,
  },
  {
    system: 'Chrome and Firefox on Linux (certutil of libnss3-tools)',
    add: (file) => `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n attache-ca -i ${quoted(file)}`,
    remove: () => 'certutil -d sql:$HOME/.pki/nssdb -D -n attache-ca',
  },
  { system: 'Node.js', add: (file) => `export NODE_EXTRA_CA_CERTS=${quoted(file)}`, remove: () => '' },
  { system: 'curl', add: (file) => `curl --cacert ${quoted(file)} …`, remove: () => '' },
];

function hex(ca: DevelopmentCa): string {
  return ca.fingerprint.replaceAll(':', '');
}

/** For a POSIX shell: quoted when it holds more than plain characters. */
function quoted(file: string): string {
  return /^[\w./@-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
}
