import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { ReadFile } from './source.ts';

/** What a secret was made of: its value and the files that it depends on. */
export interface Loaded<T> {
  readonly value: T;
  readonly files: readonly string[];
}

/** Something that a TLS context is built from and that may be replaced while it is used. */
export class LiveSecret<T = unknown> {
  /** Grows with each new value, so that whoever built something from it knows that it is out of date. */
  generation = 0;
  /** Why there is no first value. */
  firstFailure = '';
  private current: T | null = null;
  private dependsOn: readonly string[] = [];
  private readonly texts = new Map<string, string>();

  constructor(
    /** As events and statistics name it: an SDS secret's name, or a file. */
    readonly name: string,
    /** By SDS: has `sds.<name>.` statistics, and may be absent at first. */
    readonly dynamic: boolean,
    /** Makes the value anew; throws TlsError with Envoy's words for what is wrong. */
    private readonly loader: (read: ReadFile) => Loaded<T>,
    /** Always watched: an SDS file, whatever it names. */
    private readonly ownFiles: readonly string[] = [],
  ) {}

  get value(): T | null {
    return this.current;
  }

  get files(): readonly string[] {
    return [...new Set([...this.ownFiles, ...this.dependsOn])];
  }

  /** What was last read of a file, one character for each byte; null when it was not read. */
  textOf(file: string): string | null {
    return this.texts.get(file) ?? null;
  }

  /** Reads the files and makes the value of them, without putting it in place. Throws TlsError. */
  load(read: ReadFile): Loaded<T> {
    return this.loader((path) => {
      const bytes = read(path);
      this.texts.set(path, Buffer.from(bytes).toString('latin1'));
      return bytes;
    });
  }

  replace(loaded: Loaded<T>): void {
    this.current = loaded.value;
    this.dependsOn = loaded.files;
    this.generation++;
  }
}

/** Which kind of static secret is asked for (fields of `envoy.extensions.transport_sockets.tls.v3.Secret`). */
export type SecretKind = 'tls_certificate' | 'validation_context';

/**
 * The secrets of one configuration. A secret that the running configuration has as well is the same object, so that
 * parts which outlive a configuration (an unchanged cluster) go on seeing its replacements.
 */
export class SecretRegistry {
  private readonly statics = new Map<string, MessageReader>();
  private readonly used = new Map<string, { readonly live: LiveSecret; readonly fresh: LiveSecret }>();
  /** What each TLS context of the configuration shows in `/certs`. */
  readonly contexts: CertificateLists[] = [];

  constructor(private readonly running: ReadonlyMap<string, LiveSecret> = new Map()) {}

  /** `static_resources.secrets`. */
  addStatic(readers: readonly MessageReader[], ctx: CompileContext): void {
    for (const reader of readers) {
      const name = reader.string('name') ?? '';
      for (const [field, words] of STATIC_KINDS) {
        if (!reader.has(field)) continue;
        const key = `${field} ${name}`;
        if (this.statics.has(key)) {
          ctx.report(
            'error',
            'tls.duplicate-secret',
            reader,
            'name',
            `Duplicate static ${words} secret name ${name}`,
          );
        }
        this.statics.set(key, reader);
        // Whether anybody uses it or not, it is understood.
        if (field !== 'generic_secret') reader.message(field);
      }
    }
  }

  static(kind: SecretKind | 'generic_secret', name: string): MessageReader | null {
    return this.statics.get(`${kind} ${name}`)?.message(kind) ?? null;
  }

  /** The secret under a key; `fresh` was made just now and gives it its value when the configuration is put in place. */
  share<T>(key: string, fresh: LiveSecret<T>): LiveSecret<T> {
    const known = this.used.get(key);
    if (known !== undefined) return known.live as LiveSecret<T>;
    const live = (this.running.get(key) as LiveSecret<T> | undefined) ?? fresh;
    this.used.set(key, { live: live as LiveSecret, fresh: fresh as LiveSecret });
    return live;
  }

  /** All secrets by key, brought up to date with what was read for this configuration. */
  settle(): ReadonlyMap<string, LiveSecret> {
    const settled = new Map<string, LiveSecret>();
    for (const [key, { live, fresh }] of this.used) {
      if (live !== fresh && fresh.value !== null) live.replace({ value: fresh.value, files: fresh.files });
      settled.set(key, live);
    }
    return settled;
  }
}

/** Certificates of a context as PEM with their origin, asked for when somebody looks. */
export interface CertificateLists {
  readonly caCertificates: () => readonly NamedPem[];
  readonly certificates: () => readonly NamedPem[];
}

export interface NamedPem {
  /** `<inline>`, or the path. */
  readonly path: string;
  readonly pem: string;
}

const STATIC_KINDS: readonly (readonly [string, string])[] = [
  ['tls_certificate', 'TlsCertificate'],
  ['validation_context', 'CertificateValidationContext'],
  ['session_ticket_keys', 'TlsSessionTicketKeys'],
  ['generic_secret', 'GenericSecret'],
];
