/** Every error that leaves the core has a stable code, and says what was wrong, where, and the way out. */
export class AttacheError extends Error {
  override readonly name = 'AttacheError';

  constructor(
    /** Stable, kebab-case: `listener.address-in-use`. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** For the default branch of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new AttacheError('internal.unreachable', `unexpected value ${String(value)}`);
}
