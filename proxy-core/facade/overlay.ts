/** A certificate with what follows it up to its authority, and its key; PEM. */
export interface LeafCertificate {
  readonly certificateChain: string;
  readonly privateKey: string;
}

/** Local-only additions that run beside a configuration. They are never shown in it, and never exported. */
export interface Overlay {
  /** A bootstrap: its static listeners and clusters are added. */
  readonly text: string;
  /**
   * Makes the certificate for a server name. TLS contexts of the overlay that have none of their own ask for it;
   * without an answer (it throws) the connection ends.
   */
  readonly leafFor?: (serverName: string) => LeafCertificate;
}
