export type { SecretRegistry } from './secret.ts';
