/** Settings that Knot Resolver 6 has and Bowline has not: who brings such a file is told so, and not asked whether it was
 *  a slip of the pen. */

export const KNOT_ONLY: readonly string[] = [
  'cache/garbage-collector',
  'cache/prefetch/prediction',
  'defer',
  'logging/dnssec-bogus',
  'logging/dnstap',
  'local-data/root-fallback-addresses',
  'local-data/root-fallback-addresses-files',
  'local-data/rpz',
  'max-workers',
  'monitoring/graphite',
  'network/listen[]/freebind',
  'network/listen[]/unix-socket',
  'network/proxy-protocol',
  'network/quic',
  'network/tcp-pipeline',
  'network/tls',
  'webmgmt',
]
