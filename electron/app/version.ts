/** The product's version; the bundler puts it in, sources that run unbundled say so. */
export const VERSION: string = process.env['ATTACHE_VERSION'] ?? '0.0.0-source';
