export { type DnsResolver, SystemDnsResolver } from './dns-resolver.ts';
